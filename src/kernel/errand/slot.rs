//! The place for errands of one kind: at most one is out at a time.

use super::{Errand, Porter, Progress, Request, Undone};
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// One place.
#[derive(Debug, Default)]
pub struct Slot {
    out: Option<(Errand, Duration)>,
}

impl Slot {
    /// Sends a child out. Waits for nothing.
    ///
    /// # Errors
    /// [`Undone::StillOut`] or [`Undone::NotSent`].
    pub fn send(&mut self, porter: &Porter, request: &Request, now: Duration) -> Result<(), Undone> {
        if self.out.is_some() {
            return Err(Undone::StillOut);
        }
        self.out = Some((porter.send(request)?, now));
        Ok(())
    }

    /// What the child has brought, and when it was sent. Never blocks.
    pub fn collect(&mut self) -> Option<(Result<Vec<u8>, Undone>, Duration)> {
        let (errand, since) = self.out.as_mut()?;
        let brought = match errand.progress() {
            Progress::Pending => return None,
            Progress::Answered(bytes) => Ok(bytes),
            Progress::Lost => Err(Undone::Lost),
        };
        let since = *since;
        self.out = None;
        Some((brought, since))
    }

    /// Whether a child is out.
    pub fn is_out(&self) -> bool {
        self.out.is_some()
    }

    /// For how long the child has been out.
    pub fn out_for(&self, now: Duration) -> Option<Duration> {
        self.out.as_ref().map(|(_, since)| now.saturating_sub(*since))
    }

    /// Readable when the child has ended.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.out.as_ref().map(|(errand, _)| errand.as_fd())
    }
}
