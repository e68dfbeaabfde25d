//! Packets whose binary parts come after them.

use crate::{
    Holdings, Payload,
    framing::{FrameError, Packet},
};

/// The packet that waits for its attachments, if one does.
#[derive(Debug)]
pub(crate) struct Assembly<P> {
    waiting: Option<Box<Waiting<P>>>,
    max_bytes: usize,
}

#[derive(Debug)]
struct Waiting<P> {
    packet: Packet<P>,
    /// Those that have come; none is kept of too many bytes.
    attachments: Vec<P>,
    /// How many are still to come.
    missing: usize,
    bytes: usize,
}

impl<P: Payload> Assembly<P> {
    /// Keeps attachments of so many bytes at most.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { waiting: None, max_bytes }
    }

    /// Takes a packet: gives it back when it is whole.
    ///
    /// # Errors
    /// When another one waits: attachments follow their packet before anything else does.
    pub(crate) fn packet(&mut self, packet: Packet<P>) -> Result<Option<Packet<P>>, FrameError> {
        if self.is_waiting() {
            return Err(FrameError::OutOfPlace);
        }
        let missing = attachments(&packet);
        if missing == 0 {
            return Ok(Some(packet));
        }
        let waiting = Waiting { packet, attachments: Vec::new(), missing, bytes: 0 };
        self.waiting = Some(Box::new(waiting));
        Ok(None)
    }

    /// Whether a packet waits for attachments.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Takes an attachment: gives the packet when it is whole with it.
    ///
    /// # Errors
    /// When no packet waits for it, or the packet names one that isn't there; with the last of those
    /// that are too large together.
    pub(crate) fn attachment(&mut self, attachment: P) -> Result<Option<Packet<P>>, FrameError> {
        let mut waiting = self.waiting.take().ok_or(FrameError::OutOfPlace)?;
        waiting.bytes = waiting.bytes.saturating_add(attachment.byte_length());
        waiting.missing -= 1;
        let fits = waiting.bytes <= self.max_bytes;
        if fits {
            waiting.attachments.push(attachment);
        } else {
            waiting.attachments = Vec::new();
        }
        if waiting.missing > 0 {
            self.waiting = Some(waiting);
            return Ok(None);
        }
        if !fits {
            return Err(FrameError::TooLarge);
        }
        let Waiting { mut packet, attachments, .. } = *waiting;
        if let Packet::Event { args, .. } | Packet::Ack { args, .. } = &mut packet {
            *args = args.clone().with_attachments(&attachments).ok_or(FrameError::Body)?;
        }
        Ok(Some(packet))
    }

    pub(crate) fn holds(&self, holdings: &mut impl Holdings<P>) {
        if let Some(waiting) = &self.waiting {
            if let Packet::Event { args, .. } | Packet::Ack { args, .. } = &waiting.packet {
                holdings.value(args);
            }
            for attachment in &waiting.attachments {
                holdings.value(attachment);
            }
        }
    }

    /// Forgets the packet that waits.
    pub(crate) fn clear(&mut self) {
        self.waiting = None;
    }
}

fn attachments<P>(packet: &Packet<P>) -> usize {
    match packet {
        Packet::Event { attachments, .. } | Packet::Ack { attachments, .. } => *attachments,
        _ => 0,
    }
}
