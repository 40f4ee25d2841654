//! Parts that the benches share. They stand in a package of their own, so that examples and tests of the library do not compile
//! what only benches need.

pub mod calls;
#[cfg(feature = "peers")]
pub mod machine;
pub mod ratio;
#[cfg(any(feature = "peers", feature = "servers"))]
pub mod schema;
#[cfg(feature = "peers")]
pub mod stores;
