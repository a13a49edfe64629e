//! The newest items of all feeds, in memory.
//!
//! An item is offered before it is stored. Who reads in between, because it was too slow or has just come back, finds it
//! here.
//!
//! Owns: a bounded number of items, oldest out first.
//! Invariant: the items of one device follow each other without a hole.

use std::collections::{HashMap, VecDeque};

use paravox_domain::id::DeviceId;
use paravox_domain::ports::query::FeedItem;

/// Recent items.
#[derive(Debug)]
pub(super) struct Recent {
    max: usize,
    of: HashMap<DeviceId, VecDeque<FeedItem>>,
    order: VecDeque<(DeviceId, u64)>,
}

impl Recent {
    /// None yet; `max` at the most.
    pub(super) fn new(max: usize) -> Self {
        Self { max, of: HashMap::new(), order: VecDeque::new() }
    }

    /// Adds an item. One that is known is left out; after a hole only what follows it is kept.
    pub(super) fn add(&mut self, device: DeviceId, item: &FeedItem) {
        let items = self.of.entry(device).or_default();
        match items.back() {
            Some(last) if item.number <= last.number => return,
            Some(last) if item.number > last.number + 1 => items.clear(),
            _ => {}
        }
        items.push_back(item.clone());
        self.order.push_back((device, item.number));
        while self.order.len() > self.max {
            let Some((device, number)) = self.order.pop_front() else { break };
            if let Some(items) = self.of.get_mut(&device) {
                if items.front().is_some_and(|item| item.number == number) {
                    items.pop_front();
                }
                if items.is_empty() {
                    self.of.remove(&device);
                }
            }
        }
    }

    /// The items after a number, if they are here without a hole; an empty list if the number is the newest.
    pub(super) fn after(&self, device: DeviceId, number: u64, max: usize) -> Option<Vec<FeedItem>> {
        let items = self.of.get(&device)?;
        let (first, last) = (items.front()?.number, items.back()?.number);
        if number + 1 < first || number > last {
            return None;
        }
        Some(items.iter().skip((number + 1 - first) as usize).take(max).cloned().collect())
    }

    /// The newest number of a device.
    pub(super) fn newest(&self, device: DeviceId) -> Option<u64> {
        Some(self.of.get(&device)?.back()?.number)
    }
}

#[cfg(test)]
mod tests {
    use paravox_domain::commit::Position;
    use paravox_domain::id::Id as _;
    use paravox_domain::time::Instant;

    use super::*;

    fn item(number: u64) -> FeedItem {
        FeedItem { number, position: Position(number), at: Instant(0), body: "{}".into() }
    }

    fn numbers(recent: &Recent, after: u64) -> Option<Vec<u64>> {
        let found = recent.after(DeviceId::from_bits(1), after, 100)?;
        Some(found.iter().map(|item| item.number).collect())
    }

    #[test]
    fn what_is_here_is_handed_out_without_a_hole_or_not_at_all() {
        let mut recent = Recent::new(3);
        let device = DeviceId::from_bits(1);
        assert_eq!(numbers(&recent, 0), None);
        for number in [5, 6, 6, 7] {
            recent.add(device, &item(number));
        }
        assert_eq!(numbers(&recent, 4), Some(vec![5, 6, 7]));
        assert_eq!(numbers(&recent, 6), Some(vec![7]));
        assert_eq!(numbers(&recent, 7), Some(vec![]));
        assert_eq!(numbers(&recent, 3), None);
        assert_eq!(numbers(&recent, 8), None);
        recent.add(device, &item(9));
        assert_eq!(numbers(&recent, 6), None);
        assert_eq!(numbers(&recent, 8), Some(vec![9]));
        assert_eq!(recent.newest(device), Some(9));
    }

    #[test]
    fn i9_the_oldest_goes_first_at_the_limit() {
        let mut recent = Recent::new(2);
        for bits in 1..=3 {
            recent.add(DeviceId::from_bits(bits), &item(1));
        }
        assert_eq!(recent.newest(DeviceId::from_bits(1)), None);
        assert_eq!(recent.newest(DeviceId::from_bits(3)), Some(1));
        assert_eq!(recent.of.len(), 2);
    }
}
