//! Arbitrary bytes, taken apart.

/// What is left of the bytes; gives zeros when there are none.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        first
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    /// Any number: a small one, a large one, or one at an end of the range.
    pub(crate) fn number(&mut self) -> u64 {
        let shift = self.below(65) as u32;
        let mut digits = [0; 8];
        digits.fill_with(|| self.byte());
        u64::from_le_bytes(digits).checked_shr(shift).unwrap_or(u64::MAX)
    }

    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Up to 15 of the next bytes.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = self.below(16).min(self.0.len());
        let (taken, rest) = self.0.split_at(length);
        self.0 = rest;
        taken
    }
}
