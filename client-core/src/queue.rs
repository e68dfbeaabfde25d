//! A small queue. The standard library's weighs half a kilobyte of WebAssembly for each type it holds.

/// First in, first out.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    /// What came since `going` was filled.
    coming: Vec<T>,
    /// What goes next, last first.
    going: Vec<T>,
}

impl<T> Queue<T> {
    pub(crate) const fn new() -> Self {
        Self { coming: Vec::new(), going: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.coming.is_empty() && self.going.is_empty()
    }

    pub(crate) fn push(&mut self, item: T) {
        self.coming.push(item);
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.going.is_empty() {
            std::mem::swap(&mut self.coming, &mut self.going);
            self.going.reverse();
        }
        self.going.pop()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue(calls in proptest::collection::vec(proptest::option::of(0..9_u8), 0..60)) {
            let (mut ours, mut theirs) = (Queue::new(), VecDeque::new());
            for call in calls {
                match call {
                    Some(item) => {
                        ours.push(item);
                        theirs.push_back(item);
                    }
                    None => prop_assert_eq!(ours.pop(), theirs.pop_front()),
                }
                prop_assert_eq!(ours.is_empty(), theirs.is_empty());
            }
        }
    }
}
