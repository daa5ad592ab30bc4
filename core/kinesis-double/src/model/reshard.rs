use super::hash::{HashRange, uniform_start};
use super::shard::{Birth, Shard};
use super::stream::Stream;
use super::{Fault, Kinesis};

impl Kinesis {
    /// Splits an open shard in two: the second child starts at `at`.
    pub fn split_shard(&mut self, now: u64, stream: &str, shard: &str, at: u128) -> Result<(), Fault> {
        let outcome = self.split(now, stream, shard, at);
        self.counters.reshard.note(&outcome);
        outcome
    }

    /// Merges two open shards whose hash ranges touch, given in either order.
    pub fn merge_shards(&mut self, now: u64, stream: &str, shard: &str, adjacent: &str) -> Result<(), Fault> {
        let outcome = self.merge(now, stream, shard, adjacent);
        self.counters.reshard.note(&outcome);
        outcome
    }

    /// Reshards to `target` uniform shards, by a split at every new boundary
    /// and a merge at every old one, so that some shards live for no time at
    /// all. `UpdateShardCount` in the API reference: at most twice and at least
    /// half as many as are open.
    pub fn update_shard_count(&mut self, now: u64, stream: &str, target: u32) -> Result<(), Fault> {
        let outcome = self.scale(now, stream, target);
        self.counters.reshard.note(&outcome);
        outcome
    }

    fn split(&mut self, now: u64, name: &str, id: &str, at: u128) -> Result<(), Fault> {
        let secs = self.next_secs(now);
        let horizon = self.horizon(now);
        let stream = self.stream_mut(name)?;
        let parent = open(stream.shard(id, horizon)?)?;
        let (number, range) = (parent.number, parent.range);
        if at <= range.start || at > range.end {
            return Err(Fault::invalid(format!(
                "NewStartingHashKey {at} used in SplitShard() on shard {id} is not both greater than one plus the shard's StartingHashKey and less than or equal to its EndingHashKey"
            )));
        }
        close(stream, number, now);
        for range in [HashRange { end: at - 1, ..range }, HashRange { start: at, ..range }] {
            bear(stream, range, (number, None), now, secs);
        }
        Ok(())
    }

    fn merge(&mut self, now: u64, name: &str, id: &str, adjacent: &str) -> Result<(), Fault> {
        let secs = self.next_secs(now);
        let horizon = self.horizon(now);
        let stream = self.stream_mut(name)?;
        let first = open(stream.shard(id, horizon)?)?;
        let second = open(stream.shard(adjacent, horizon)?)?;
        let (a, b) = (first.range, second.range);
        let touch = a.end.checked_add(1) == Some(b.start) || b.end.checked_add(1) == Some(a.start);
        if !touch {
            return Err(Fault::invalid(format!(
                "Shards {id} and {adjacent} in stream {name} are not an adjacent pair of shards eligible for merging"
            )));
        }
        let parents = (first.number, Some(second.number));
        let (first, second) = (first.number, second.number);
        close(stream, first, now);
        close(stream, second, now);
        let range = HashRange { start: a.start.min(b.start), end: a.end.max(b.end) };
        bear(stream, range, parents, now, secs);
        Ok(())
    }

    fn scale(&mut self, now: u64, name: &str, target: u32) -> Result<(), Fault> {
        let count = u32::try_from(self.stream(name)?.open.len()).unwrap_or(u32::MAX);
        if target == 0 || target > count.saturating_mul(2) || target < count.div_ceil(2) {
            return Err(Fault::invalid(format!(
                "UpdateShardCount cannot scale {count} open shards to {target}: at most double, at least half."
            )));
        }
        let wanted: Vec<u128> = (1..target).map(|i| uniform_start(i, target)).collect();
        for at in &wanted {
            let stream = self.stream(name)?;
            let shard = &stream.shards[stream.route(*at) as usize];
            if shard.range.start != *at {
                let id = shard.id();
                self.split(now, name, &id, *at)?;
            }
        }
        while let Some((left, right)) = superfluous(self.stream(name)?, &wanted) {
            self.merge(now, name, &left, &right)?;
        }
        Ok(())
    }
}

/// The first two neighbours between which no boundary is wanted.
fn superfluous(stream: &Stream, wanted: &[u128]) -> Option<(String, String)> {
    let pair = stream.open.windows(2).find(|pair| {
        let boundary = stream.shards[pair[1] as usize].range.start;
        wanted.binary_search(&boundary).is_err()
    })?;
    let id = |n: u32| stream.shards[n as usize].id();
    Some((id(pair[0]), id(pair[1])))
}

fn open(shard: &Shard) -> Result<&Shard, Fault> {
    if shard.closed_at.is_some() {
        return Err(Fault::invalid(format!(
            "Shard {} has already been merged or split, and thus is not eligible for merging or splitting.",
            shard.id()
        )));
    }
    Ok(shard)
}

fn close(stream: &mut Stream, number: u32, now: u64) {
    stream.open.retain(|n| *n != number);
    let shard = &mut stream.shards[number as usize];
    shard.closed_at = Some(now.max(shard.created_at));
}

fn bear(stream: &mut Stream, range: HashRange, parents: (u32, Option<u32>), now: u64, secs: u64) {
    let number = stream.next_number();
    let (parent, adjacent_parent) = parents;
    let parent_ids = std::iter::once(parent).chain(adjacent_parent);
    for id in parent_ids {
        stream.shards[id as usize].children.push(number);
    }
    let parent = Some(parent);
    stream.open_shard(&Birth { number, range, parent, adjacent_parent, at: now, secs });
}
