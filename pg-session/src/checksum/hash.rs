//! Bob Jenkins' lookup3 as PostgreSQL has it: `hash_bytes_extended` of
//! `src/common/hashfn.c`, on little-endian machines. Tables that are partitioned by hash
//! depend on its values, so it has not changed since it came with 11.

/// The three words that blocks are mixed into.
#[derive(Clone, Copy)]
struct State {
    a: u32,
    b: u32,
    c: u32,
}

impl State {
    /// The words before the first block.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the server counts in 32 bits, and takes the seed apart"
    )]
    fn new(length: usize, seed: u64) -> Self {
        let start = 0x9e37_79b9_u32
            .wrapping_add(length as u32)
            .wrapping_add(3_923_095);
        let state = Self {
            a: start,
            b: start,
            c: start,
        };
        if seed == 0 {
            return state;
        }
        state.add([(seed >> 32) as u32, seed as u32, 0]).mixed()
    }

    #[inline]
    fn add(self, [a, b, c]: [u32; 3]) -> Self {
        Self {
            a: self.a.wrapping_add(a),
            b: self.b.wrapping_add(b),
            c: self.c.wrapping_add(c),
        }
    }

    /// `mix` of hashfn.c.
    #[inline]
    fn mixed(self) -> Self {
        let Self {
            mut a,
            mut b,
            mut c,
        } = self;
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        Self { a, b, c }
    }

    /// `final` of hashfn.c, and the 64 bits that it leaves.
    #[inline]
    fn last(self) -> u64 {
        let Self {
            mut a,
            mut b,
            mut c,
        } = self;
        c = (c ^ b).wrapping_sub(b.rotate_left(14));
        a = (a ^ c).wrapping_sub(c.rotate_left(11));
        b = (b ^ a).wrapping_sub(a.rotate_left(25));
        c = (c ^ b).wrapping_sub(b.rotate_left(16));
        a = (a ^ c).wrapping_sub(c.rotate_left(4));
        b = (b ^ a).wrapping_sub(a.rotate_left(14));
        c = (c ^ b).wrapping_sub(b.rotate_left(24));
        (u64::from(b) << 32) | u64::from(c)
    }
}

/// The three words of a block.
#[inline]
fn words(block: [u8; 12]) -> [u32; 3] {
    let [b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11] = block;
    [
        u32::from_le_bytes([b0, b1, b2, b3]),
        u32::from_le_bytes([b4, b5, b6, b7]),
        u32::from_le_bytes([b8, b9, b10, b11]),
    ]
}

/// The bytes behind the last whole block, as the words of a block that ends in zeros.
#[inline]
fn rest_of(bytes: &[u8], rest: &[u8]) -> [u32; 3] {
    let mut block = [0; 12];
    if let Some([b0, b1, b2, b3, last @ ..]) = bytes.last_chunk::<12>() {
        // Moved down from the end, in a register: cheaper than byte by byte.
        let [b4, b5, b6, b7, b8, b9, b10, b11] = *last;
        let end = [
            *b0, *b1, *b2, *b3, b4, b5, b6, b7, b8, b9, b10, b11, 0, 0, 0, 0,
        ];
        let moved = u128::from_le_bytes(end) >> (8 * (12 - rest.len()));
        if let Some(low) = moved.to_le_bytes().first_chunk() {
            block = *low;
        }
    } else {
        for (to, from) in block.iter_mut().zip(rest) {
            *to = *from;
        }
    }
    let [a, b, c] = words(block);
    // The lowest byte of c is kept for the length, hashfn.c says, and left free.
    [a, b, c << 8]
}

/// What PostgreSQL's `hash_bytes_extended` makes of bytes and a seed.
pub fn hash_bytes_extended(bytes: &[u8], seed: u64) -> u64 {
    let mut state = State::new(bytes.len(), seed);
    let (blocks, rest) = bytes.as_chunks::<12>();
    for block in blocks {
        state = state.add(words(*block)).mixed();
    }
    state.add(rest_of(bytes, rest)).last()
}

/// The same of two at once. Each step of the hash waits for the one before; those of two
/// hashes do not wait for each other, so two take hardly longer than one.
pub(super) fn hash_two(first: &[u8], second: &[u8], seed: u64) -> [u64; 2] {
    let mut one = State::new(first.len(), seed);
    let mut two = State::new(second.len(), seed);
    let (ones, rest_of_one) = first.as_chunks::<12>();
    let (twos, rest_of_two) = second.as_chunks::<12>();
    for (block_one, block_two) in ones.iter().zip(twos) {
        one = one.add(words(*block_one)).mixed();
        two = two.add(words(*block_two)).mixed();
    }
    for block in ones.iter().skip(twos.len()) {
        one = one.add(words(*block)).mixed();
    }
    for block in twos.iter().skip(ones.len()) {
        two = two.add(words(*block)).mixed();
    }
    [
        one.add(rest_of(first, rest_of_one)).last(),
        two.add(rest_of(second, rest_of_two)).last(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of lengths 0 to 40, so that every rest beside none, one, two and three blocks is there.
    const TEXT: &str = "The quick brown fox jumps over a lazy dog";

    /// `select hash_array_extended(array[convert_to(substr(TEXT, 1, n), 'UTF8')], 0) - 31
    /// from generate_series(0, 40) n` on 13, 15 and 18.
    const WITHOUT_SEED: [i64; 41] = [
        -6_939_563_903_564_495_251,
        -1_338_225_982_912_146_468,
        5_593_687_159_563_776_749,
        -7_897_229_297_791_927_534,
        1_214_481_609_633_084_541,
        -985_326_184_270_896_746,
        3_470_145_380_339_167_397,
        -2_752_675_330_521_770_124,
        -1_544_529_330_263_215_465,
        -3_165_377_590_426_475_634,
        6_613_948_839_295_992_241,
        2_869_438_648_668_390_509,
        -9_210_305_663_925_663_560,
        -3_863_872_140_344_080_773,
        -2_703_303_883_130_605_159,
        130_785_500_723_762_325,
        -7_818_762_430_148_052_278,
        3_451_059_601_990_827_723,
        1_859_349_653_040_336_744,
        6_377_859_067_987_231_983,
        1_395_817_125_874_287_870,
        4_382_656_982_158_088_131,
        -8_173_415_927_686_238_050,
        -6_349_138_520_123_274_615,
        8_360_766_130_984_247_540,
        -6_568_008_242_738_964_476,
        -8_510_399_028_364_357_311,
        -5_983_171_337_440_081_292,
        4_650_743_464_175_597_606,
        4_922_972_945_882_926_808,
        -2_952_746_244_513_659_538,
        240_566_037_469_194_709,
        9_003_847_695_655_652_341,
        -2_114_597_134_415_166_832,
        -5_852_587_772_223_011_740,
        -7_325_179_757_288_446_765,
        7_918_248_045_809_455_780,
        1_990_344_210_504_703_350,
        -1_227_824_560_868_216_880,
        -8_815_133_902_444_592_963,
        7_903_738_676_386_455_436,
    ];

    /// `select hashtextextended(substr(TEXT, 1, n), 31638917009047553)
    /// from generate_series(0, 40) n` on 13, 15 and 18.
    const WITH_SEED: [i64; 41] = [
        -6_643_558_716_565_119_827,
        1_679_215_257_681_054_944,
        -8_345_955_723_608_011_090,
        908_518_059_654_920_112,
        -3_982_970_573_367_233_466,
        -4_328_634_736_834_705_190,
        -4_201_143_782_039_720_904,
        -2_306_622_069_588_441_121,
        -201_864_655_846_149_447,
        -8_345_434_634_390_721_208,
        4_206_510_253_103_345_860,
        8_922_814_985_461_443_164,
        -7_681_050_572_844_076_492,
        3_359_506_163_188_392_291,
        -4_094_974_716_657_610_813,
        -5_652_295_308_432_846_887,
        -3_700_461_856_656_169_445,
        -1_800_325_387_735_497_254,
        -6_673_183_273_625_839_871,
        8_914_087_357_376_101_026,
        7_111_783_033_980_022_542,
        -4_546_959_379_221_933_836,
        2_158_603_657_109_897_363,
        1_646_750_264_608_863_180,
        8_110_360_085_139_377_457,
        9_192_939_462_618_583_934,
        7_523_820_167_248_714_408,
        -2_343_308_583_109_383_808,
        5_117_197_922_872_949_773,
        -617_550_130_621_386_523,
        3_389_614_680_224_223_546,
        -2_945_011_211_831_480_895,
        5_920_579_959_363_161_787,
        3_987_337_009_634_953_132,
        9_985_076_562_690_056,
        1_297_739_108_926_281_615,
        -6_482_101_876_192_018_468,
        301_477_887_133_927_809,
        -1_223_906_881_845_546_345,
        6_436_943_716_100_988_224,
        4_738_029_937_385_913_729,
    ];

    #[test]
    fn every_length_gives_what_the_server_gives() {
        for (length, (without, with)) in WITHOUT_SEED.iter().zip(WITH_SEED).enumerate() {
            let bytes = &TEXT.as_bytes()[..length];
            assert_eq!(hash_bytes_extended(bytes, 0).cast_signed(), *without);
            let seed = 31_638_917_009_047_553;
            assert_eq!(hash_bytes_extended(bytes, seed).cast_signed(), with);
        }
    }

    #[test]
    fn seeds_and_characters_of_many_bytes_too() {
        // select hashtextextended(TEXT, SEED) on 15.
        for (text, seed, hash) in [
            ("", 42, 6_158_832_220_375_811_857),
            ("grüße", 42, 36_566_984_406_318_198),
            ("abcdefghijkl", 42, 6_421_059_121_120_153_082),
            ("abcdefghijklm", -1_i64, 6_205_390_682_044_465_928),
        ] {
            let ours = hash_bytes_extended(text.as_bytes(), seed.cast_unsigned());
            assert_eq!(ours.cast_signed(), hash, "{text} {seed}");
        }
    }

    #[test]
    fn two_at_once_are_each_what_they_are_alone() {
        let of = |length: usize| &TEXT.as_bytes()[..length];
        for (one, two) in (0..41).flat_map(|one| (0..41).map(move |two| (one, two))) {
            assert_eq!(
                hash_two(of(one), of(two), 42),
                [one, two].map(|length| hash_bytes_extended(of(length), 42))
            );
        }
    }
}
