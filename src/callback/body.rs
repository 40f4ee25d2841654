//! Bodies while they arrive: a limit for each, and a budget for all of them.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::BodyError;

/// Largest bodies that a service receives.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    pub(super) body: usize,
    /// Of the Kit's messages that hold a list.
    pub(super) list: usize,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { body: 64 * 1024, list: 4 * 1024 * 1024 }
    }
}

/// Memory for the bodies of all calls that a service has at a time.
pub(super) struct BodyBudget {
    bytes: usize,
    used: AtomicUsize,
}

impl BodyBudget {
    pub(super) const DEFAULT: usize = 64 * 1024 * 1024;

    pub(super) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes, used: AtomicUsize::new(0) })
    }

    /// Takes bytes, as long as no more than `most` are used then.
    fn take(&self, bytes: usize, most: usize) -> Result<(), BodyError> {
        let taken = |used: usize| used.checked_add(bytes).filter(|used| *used <= most);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken) {
            Ok(_) => Ok(()),
            Err(_) => Err(BodyError::BudgetExhausted(most)),
        }
    }
}

/// Part of the budget, given back when it is dropped.
struct Share {
    budget: Arc<BodyBudget>,
    bytes: usize,
}

impl Share {
    fn grow(&mut self, bytes: usize, most: usize) -> Result<(), BodyError> {
        self.budget.take(bytes - self.bytes, most)?;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The body of a call whose head was accepted by [`CallbackService::check_head`](super::CallbackService::check_head), while
/// it arrives. For adapters.
///
/// It takes memory for what arrived only, from the budget of its service, and gives it back when it, or the body that it
/// becomes, is dropped.
pub struct IncomingBody {
    limit: usize,
    /// Full ones, before the last. Blocks of one size replace each other in memory: a body that is moved each time it doubles
    /// leaves holes that add up to its own size.
    blocks: Vec<Vec<u8>>,
    last: Vec<u8>,
    share: Share,
}

impl IncomingBody {
    /// Size of a block. Bodies up to this size may fill the whole budget, larger ones half of it: lists never keep other
    /// calls out.
    const BLOCK: usize = 64 * 1024;

    pub(super) fn new(limit: usize, budget: &Arc<BodyBudget>) -> Self {
        let share = Share { budget: Arc::clone(budget), bytes: 0 };
        Self { limit, blocks: Vec::new(), last: Vec::new(), share }
    }

    /// Returns the largest body of the call, in bytes.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use koogallery::callback::{BodyError, CallbackService};
    ///
    /// /// Takes a body that an adapter has received in pieces.
    /// fn joined(service: &CallbackService, head: &http::request::Parts, pieces: &[&[u8]]) -> Result<Bytes, BodyError> {
    ///     let Ok(mut body) = service.check_head(head) else { return Ok(Bytes::new()) };
    ///     println!("at most {} bytes", body.limit());
    ///     pieces.iter().try_for_each(|piece| body.push(piece))?;
    ///     Ok(body.finish())
    /// }
    /// ```
    pub fn limit(&self) -> usize {
        self.limit
    }

    fn received(&self) -> usize {
        self.blocks.len() * Self::BLOCK + self.last.len()
    }

    /// Appends bytes that arrived.
    ///
    /// # Errors
    ///
    /// The body is larger than [its limit](Self::limit), or the budget is used up. The call is to be refused with the error
    /// ([`CallbackService::refuse_body`](super::CallbackService::refuse_body)), and the connection not to be read further.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), BodyError> {
        let length = self.received().saturating_add(chunk.len());
        if length > self.limit {
            return Err(BodyError::TooLarge(self.limit));
        }
        if length > self.share.bytes {
            let whole = self.share.budget.bytes;
            let (capacity, most) = if length <= Self::BLOCK {
                (self.share.bytes.saturating_mul(2).clamp(length, Self::BLOCK), whole)
            } else {
                (length.next_multiple_of(Self::BLOCK), whole / 2)
            };
            self.share.grow(capacity.min(self.limit), most)?;
        }
        self.append(chunk);
        Ok(())
    }

    /// Appends bytes that the share has room for.
    fn append(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            if self.last.len() == Self::BLOCK {
                self.blocks.push(mem::take(&mut self.last));
            }
            let (part, rest) = chunk.split_at(chunk.len().min(Self::BLOCK - self.last.len()));
            let shared = (self.share.bytes - self.blocks.len() * Self::BLOCK).min(Self::BLOCK);
            self.last.reserve_exact(shared - self.last.len());
            self.last.extend_from_slice(part);
            chunk = rest;
        }
    }

    /// Returns the body, complete.
    pub fn finish(mut self) -> Bytes {
        if self.whole().is_empty() { Bytes::new() } else { Bytes::from_owner(Finished(self)) }
    }

    /// Brings the body in one piece.
    pub(crate) fn whole(&mut self) -> &[u8] {
        if !self.blocks.is_empty() {
            // Twice in memory for as long as the copy takes, thus for one body of each thread at most.
            let mut whole = Vec::with_capacity(self.received());
            self.blocks.drain(..).for_each(|block| whole.extend_from_slice(&block));
            whole.extend_from_slice(&self.last);
            self.last = whole;
        }
        &self.last
    }
}

/// A body in one piece.
struct Finished(IncomingBody);

impl AsRef<[u8]> for Finished {
    fn as_ref(&self) -> &[u8] {
        &self.0.last
    }
}

impl fmt::Debug for IncomingBody {
    /// The body holds personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingBody").field("limit", &self.limit).field("received", &self.received()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    fn used(budget: &BodyBudget) -> usize {
        budget.used.load(Ordering::Relaxed)
    }

    #[test]
    fn memory_is_that_of_what_arrived_and_is_given_back() {
        let budget = BodyBudget::new(1000 * KIB);
        let mut body = IncomingBody::new(100, &budget);
        assert_eq!(used(&budget), 0);
        body.push(&[1; 10]).unwrap();
        assert_eq!(used(&budget), 10);
        for _ in 0..9 {
            body.push(&[1; 10]).unwrap();
        }
        assert_eq!((used(&budget), body.last.capacity()), (100, 100), "never more than the limit");
        assert!(matches!(body.push(&[1]), Err(BodyError::TooLarge(100))));
        let whole = body.finish();
        let copy = whole.clone();
        drop(whole);
        assert_eq!((&copy[..], used(&budget)), (&[1; 100][..], 100), "counted while it is in use");
        drop(copy);
        assert_eq!(used(&budget), 0);
        drop(IncomingBody::new(100, &budget).finish());
        assert_eq!(used(&budget), 0);
    }

    #[test]
    fn a_list_is_whole_however_it_was_cut() {
        let list: Vec<u8> = (0..300 * KIB).map(|place| (place % 251) as u8).collect();
        for size in [1000, 64 * KIB, 64 * KIB + 1, list.len()] {
            let budget = BodyBudget::new(1000 * KIB);
            let mut body = IncomingBody::new(310 * KIB, &budget);
            for (index, chunk) in list.chunks(size).enumerate() {
                body.push(chunk).unwrap();
                let received = (index * size + chunk.len()).next_multiple_of(64 * KIB);
                assert!(used(&budget) <= received, "{size}: no more than a block that is not full");
            }
            let whole = body.finish();
            assert!(whole == list, "{size}");
            assert_eq!(used(&budget), 310 * KIB, "{size}: never more than the limit");
            drop(whole);
            assert_eq!(used(&budget), 0);
        }
    }

    #[test]
    fn bodies_beyond_the_budget_are_refused_until_others_are_gone() {
        let budget = BodyBudget::new(100);
        let mut first = IncomingBody::new(80, &budget);
        first.push(&[0; 80]).unwrap();
        let mut second = IncomingBody::new(80, &budget);
        second.push(&[0; 20]).unwrap();
        assert!(matches!(second.push(&[0; 1]), Err(BodyError::BudgetExhausted(100))));
        assert_eq!(used(&budget), 100, "a refusal takes nothing");
        drop(first);
        second.push(&[0; 60]).unwrap();
    }

    #[test]
    fn large_bodies_leave_room_for_small_ones() {
        let budget = BodyBudget::new(400 * KIB);
        let mut list = IncomingBody::new(1000 * KIB, &budget);
        list.push(&[0; 64 * KIB]).unwrap();
        list.push(&[0; 64 * KIB]).unwrap();
        let half = 200 * KIB;
        assert!(matches!(list.push(&[0; 100 * KIB]), Err(BodyError::BudgetExhausted(most)) if most == half));
        let mut others: Vec<_> = (0..4).map(|_| IncomingBody::new(64 * KIB, &budget)).collect();
        for small in &mut others {
            small.push(&[0; 64 * KIB]).unwrap();
        }
        drop((list, others));
        assert_eq!(used(&budget), 0);
    }
}
