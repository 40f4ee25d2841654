//! The answer that holds only a result code and its text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Answer, Checks, max_of, table};
use crate::result_code::ResultCode;

table! {
    serde
    /// `resultCode` and `resultMsg`: the whole answer to most callbacks, and to every refused one.
    ///
    /// Both members are always sent: the marketplace's FAQ says that an answer without them cannot be parsed, although the
    /// tables mark `resultMsg` optional.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[non_exhaustive]
    pub struct Acknowledgement {
        /// The outcome.
        pub result_code: ResultCode = mandatory "resultCode", 6;
        /// The same in words, at most 255 characters.
        pub result_msg: Cow<'static, str> = mandatory "resultMsg", 255;
    }
}

impl Acknowledgement {
    /// The code with its default text.
    pub fn new(result_code: ResultCode) -> Self {
        Self { result_code, result_msg: result_code.default_message().into() }
    }

    /// Replaces the text.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.result_msg = message.into();
        self
    }
}

impl Answer for Acknowledgement {
    fn check(&self, checks: &mut Checks) {
        checks.code(self.result_code);
        checks.mandatory("resultMsg", &self.result_msg, const { max_of(Self::FIELDS, "resultMsg") });
    }
}
