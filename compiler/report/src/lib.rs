//! What people look at: pictures of the platform, the explorer, the handbook, and what the failure
//! of a service costs. Everything is a pure function of the model and what is derived from it.

pub mod handbook;
pub mod impact;
pub mod picture;
