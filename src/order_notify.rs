//! `orderNotify` (订单通知): marketplace to seller, `POST` to the production address, signed in the query like the
//! callbacks of SaaS V2.0, with the key of the general interface. Order notification guide (2025-10-15 to 2025-12-30;
//! China only).

use crate::signature::callback_v2::Verified;
pub use crate::wire::Acknowledgement as Response;
use crate::wire::{Fields, Members, ParseError, message};

message! {
    /// There is a paid order: a purchase, renewal, change or unsubscription of any product but an image. The order
    /// query returns its content, though it may not know the orders of debugging calls.
    ///
    /// If an access type is bound to one address and a product of that type to another, the product's address is
    /// called.
    ///
    /// This comes **in addition** to the callbacks of the product's own family: nothing may be provisioned twice.
    /// Repeated for three hours.
    #[doc(alias = "orderNotify")]
    #[doc(alias = "订单通知")]
    pub struct Request is OrderNotify;
    mandatory {
        /// The order.
        order_id: String = identity "orderId", 64;
        /// Its line; whether every line is notified by itself is not stated.
        order_line_id: String = identity "orderLineId", 64;
    }
    optional {}
}

impl Request {
    /// Reads a verified call.
    ///
    /// # Errors
    ///
    /// The message is malformed, its activity is another one, or a field is not as documented.
    pub fn parse(verified: &Verified<'_>) -> Result<Self, ParseError> {
        Self::from_members(&Members::from_json(verified.body())?)
    }

    pub(crate) fn from_members(members: &Members<'_>) -> Result<Self, ParseError> {
        let mut fields = Fields::new(members);
        fields.activity(&[Self::ACTIVITY])?;
        Self::read(fields)
    }

    /// The body that the marketplace would send: compact JSON with members in ascending order, not yet signed. This one
    /// message always says `testFlag`.
    pub fn to_body(&self) -> String {
        self.write().with_test_flag().into_body_with_activity()
    }
}
