use super::hash::HashRange;
use super::shard::{Shard, shard_id, shard_number};
use super::stream::Stream;
use super::token::Page;
use super::{Fault, Kinesis, code};

/// Which shards `ListShards` tells of (`ShardFilter` in the API reference).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShardFilter {
    /// All whose records are kept: the same as from the trim horizon.
    #[default]
    FromTrimHorizon,
    /// Those open at the trim horizon.
    AtTrimHorizon,
    /// Those open now.
    AtLatest,
    /// Those open at this time.
    AtTimestamp(u64),
    /// Those open at this time or later.
    FromTimestamp(u64),
    /// Those with a greater shard number than this.
    AfterShard(u32),
}

/// What to list: a stream from its first shard, or on from a token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListShardsInput {
    /// The stream; not together with a token.
    pub stream: Option<String>,
    /// The last answer's token; it remembers stream and filter.
    pub next_token: Option<String>,
    /// Which shards.
    pub filter: ShardFilter,
    /// The most shards in the answer, from 1 to 10000 (service default: 1000).
    pub max_results: Option<u32>,
}

/// One shard as `ListShards` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardDescription {
    /// The shard's id.
    pub id: String,
    /// The parent, of which a split or merge made it.
    pub parent: Option<String>,
    /// The other parent of a merge.
    pub adjacent_parent: Option<String>,
    /// The hash keys it takes.
    pub range: HashRange,
    /// Below its first record's.
    pub starting_sequence_number: String,
    /// Above its last record's; `None` while it is open.
    pub ending_sequence_number: Option<String>,
}

/// A page of shards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListShardsOutput {
    /// The shards, by number.
    pub shards: Vec<ShardDescription>,
    /// Given when there are more; good for 300 s.
    pub next_token: Option<String>,
}

impl ListShardsInput {
    /// The first page of a stream's shards open at `at` or later.
    pub fn from_timestamp(stream: &str, at: u64) -> Self {
        let filter = ShardFilter::FromTimestamp(at);
        Self { stream: Some(stream.to_owned()), filter, ..Self::default() }
    }

    /// The page after the one that gave the token.
    pub fn next(token: &str) -> Self {
        Self { next_token: Some(token.to_owned()), ..Self::default() }
    }
}

impl ShardFilter {
    fn encode(self) -> (u64, u64) {
        match self {
            Self::FromTrimHorizon => (0, 0),
            Self::AtTrimHorizon => (1, 0),
            Self::AtLatest => (2, 0),
            Self::AtTimestamp(at) => (3, at),
            Self::FromTimestamp(at) => (4, at),
            Self::AfterShard(number) => (5, u64::from(number)),
        }
    }

    fn decode((kind, argument): (u64, u64)) -> Self {
        match kind {
            1 => Self::AtTrimHorizon,
            2 => Self::AtLatest,
            3 => Self::AtTimestamp(argument),
            4 => Self::FromTimestamp(argument),
            5 => Self::AfterShard(u32::try_from(argument).unwrap_or(u32::MAX)),
            _ => Self::FromTrimHorizon,
        }
    }

    /// `AFTER_SHARD_ID`; `None` if the text is no shard id.
    pub fn after_shard_id(id: &str) -> Option<Self> {
        shard_number(id).map(Self::AfterShard)
    }

    fn admits(self, shard: &Shard, horizon: u64) -> bool {
        let ends_from = |at: u64| shard.closed_at.is_none_or(|closed| closed >= at);
        let open_at = |at: u64| shard.created_at <= at && ends_from(at);
        match self {
            Self::FromTrimHorizon => true,
            // A stream younger than its retention starts at its creation.
            Self::AtTrimHorizon => shard.parent.is_none() || open_at(horizon),
            Self::AtLatest => shard.closed_at.is_none(),
            Self::AtTimestamp(at) => open_at(at),
            Self::FromTimestamp(at) => ends_from(at),
            Self::AfterShard(number) => shard.number > number,
        }
    }
}

impl Kinesis {
    /// Lists a stream's shards, closed ones within the retention included.
    pub fn list_shards(&mut self, now: u64, input: &ListShardsInput) -> Result<ListShardsOutput, Fault> {
        let outcome = self.list(now, input);
        self.counters.list_shards.note(&outcome);
        outcome
    }

    fn list(&mut self, now: u64, input: &ListShardsInput) -> Result<ListShardsOutput, Fault> {
        let most = input.max_results.unwrap_or(1000);
        if most == 0 || most > 10_000 {
            return Err(Fault::validation("maxResults must be from 1 to 10000"));
        }
        let horizon = self.horizon(now);
        let page = self.first_or_next(now, input)?;
        let filter = ShardFilter::decode(page.filter);
        let enforce = self.settings.enforce_quotas;
        let name = self.lives[&page.life].clone();
        let stream = self.stream_mut(&name)?;
        if enforce && !stream.list_quota.take(now, 1) {
            return Err(Fault::new(code::LIMIT, "Rate exceeded for ListShards."));
        }
        Ok(list_page(stream, page, filter, (horizon, most as usize), now))
    }

    fn first_or_next(&self, now: u64, input: &ListShardsInput) -> Result<Page, Fault> {
        match (&input.stream, &input.next_token) {
            (Some(name), None) => self.first_page(now, name, input.filter),
            (None, Some(token)) => self.next_page(now, token),
            (Some(_), Some(_)) => {
                Err(Fault::invalid("NextToken and StreamName cannot be provided together."))
            }
            (None, None) => Err(Fault::invalid("Either NextToken or StreamName is needed.")),
        }
    }

    fn first_page(&self, now: u64, name: &str, filter: ShardFilter) -> Result<Page, Fault> {
        if let ShardFilter::FromTimestamp(at) | ShardFilter::AtTimestamp(at) = filter
            && at > now
        {
            // Not documented; refusing is the harder case for a client.
            return Err(Fault::invalid("The shard filter's timestamp is in the future."));
        }
        let life = self.stream(name)?.life;
        Ok(Page { life, next: 0, issued: now, filter: filter.encode() })
    }

    fn next_page(&self, now: u64, token: &str) -> Result<Page, Fault> {
        let page = Page::decode(token).ok_or_else(|| Fault::invalid("Invalid NextToken."))?;
        if now.saturating_sub(page.issued) >= self.settings.token_lifetime_ms {
            return Err(Fault::new(code::EXPIRED_TOKEN, "The pagination token expired."));
        }
        if !self.lives.contains_key(&page.life) {
            return Err(Fault::new(code::NOT_FOUND, "The token's stream does not exist."));
        }
        Ok(page)
    }
}

fn list_page(
    stream: &Stream,
    page: Page,
    filter: ShardFilter,
    (horizon, most): (u64, usize),
    now: u64,
) -> ListShardsOutput {
    let after = stream.shards.get(page.next as usize..).unwrap_or_default();
    let mut listed = after.iter().filter(|s| !s.is_gone(horizon) && filter.admits(s, horizon));
    let shards: Vec<_> = listed.by_ref().take(most).map(describe).collect();
    let next_token = listed.next().map(|shard| Page { next: shard.number, issued: now, ..page }.encode());
    ListShardsOutput { shards, next_token }
}

fn describe(shard: &Shard) -> ShardDescription {
    ShardDescription {
        id: shard.id(),
        parent: shard.parent.map(shard_id),
        adjacent_parent: shard.adjacent_parent.map(shard_id),
        range: shard.range,
        starting_sequence_number: shard.first_sequence().to_string(),
        ending_sequence_number: shard.last_sequence().map(|s| s.to_string()),
    }
}
