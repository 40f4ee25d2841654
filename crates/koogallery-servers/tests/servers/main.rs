//! Every server of the examples as a process, called by the checker, by callers that leave and by others that send too much.

mod calls;
mod check;
#[path = "../../examples/function/event.rs"]
mod event;
mod function;
mod hang_up;
mod limits;
mod own;
#[path = "../../../../tests/it/process.rs"]
#[allow(dead_code, reason = "others use more of it")]
mod process;
mod support;
