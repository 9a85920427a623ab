/// The SplitMix64 generator: the same numbers on every machine, from any seed.
///
/// ```
/// use ymir_core::SplitMix64;
///
/// let mut rng = SplitMix64::new(7);
/// let die = rng.below(6) + 1;
/// assert!((1..=6).contains(&die));
/// assert_eq!(SplitMix64::new(7).below(6) + 1, die);
/// ```
#[derive(Debug, Clone)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// Returns the generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns the generator of the n-th part of a seed's work; those of different parts have
    /// nothing to do with each other.
    pub fn of_part(seed: u64, part: u64) -> Self {
        let mut seeds = Self::new(seed);
        Self::new(seeds.next_u64() ^ Self::new(part).next_u64())
    }

    /// Returns the generator of a part of what a seed is for, which several numbers name in turn;
    /// those of different parts have nothing to do with each other.
    pub fn of_parts(seed: u64, parts: &[u64]) -> Self {
        // The sum is not of two numbers that could change places.
        let next = |mut random: Self, part: &u64| random.next_u64().wrapping_add(*part);
        parts.iter().fold(Self::new(seed), |random, part| Self::new(next(random, part)))
    }

    /// Puts things into a random order.
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for i in (1..things.len()).rev() {
            things.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// Returns the next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 up to, but not including, `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Returns a number from 0 up to, but not including, 1.
    pub fn unit(&mut self) -> f32 {
        // 24 bits: all that an f32 holds, so that no rounding can reach 1.
        (self.next_u64() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Returns a number between two others.
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Returns true with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// Returns a direction, as a vector of length 1.
    pub fn direction(&mut self) -> [f32; 2] {
        // By rejection, as sines and cosines differ in their last digit between machines.
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if (0.01..=1.0).contains(&square) {
                let length = square.sqrt();
                return [x / length, y / length];
            }
        }
    }

    /// Returns a number around 0 with standard deviation 1, at most √12 from it: the sum of four
    /// even ones.
    pub fn bell(&mut self) -> f32 {
        let bits = self.next_u64();
        let part = |shift: u32| ((bits >> shift) & 0xffff) as f32 / 65536.0;
        (part(0) + part(16) + part(32) + part(48) - 2.0) * 1.732_050_8
    }
}
