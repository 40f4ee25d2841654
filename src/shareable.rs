//! Traits whose implementations may be shared.

/// Declares a trait with asynchronous methods and implements it for [`Arc`](std::sync::Arc) of what implements it, so
/// that each signature is written once.
macro_rules! shareable {
    (
        $(#[$attribute:meta])*
        pub trait $name:ident: Send + Sync + 'static {
            $(
                $(#[$about:meta])*
                fn $method:ident $(<$life:lifetime>)? (
                    & $($borrow:lifetime)? self $(, $argument:ident: $type:ty)* $(,)?
                ) -> $answer:ty;
            )*
        }
    ) => {
        $(#[$attribute])*
        pub trait $name: Send + Sync + 'static {
            $(
                $(#[$about])*
                fn $method $(<$life>)? (& $($borrow)? self $(, $argument: $type)*) -> $answer;
            )*
        }

        impl<T: $name + ?Sized> $name for ::std::sync::Arc<T> {
            $(
                fn $method $(<$life>)? (& $($borrow)? self $(, $argument: $type)*) -> $answer {
                    (**self).$method($($argument),*)
                }
            )*
        }
    };
}

/// Implements a trait of handlers for [`Arc`](std::sync::Arc) of a handler, which other parts of the application use as well.
macro_rules! shared_handler {
    ($name:ident { $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty;)* }) => {
        impl<H: $name> $name for ::std::sync::Arc<H> {
            $(
                async fn $method(&self, $($argument: $type),*) -> Result<$answer, HandlerError> {
                    (**self).$method($($argument),*).await
                }
            )*
        }
    };
}

pub(crate) use {shareable, shared_handler};
