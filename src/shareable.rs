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

pub(crate) use shareable;
