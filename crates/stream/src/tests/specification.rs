//! A stream that another decoder has decoded: one written in Python from `SPECIFICATION.md` alone. It has two access
//! points, frames out of rhythm, a change of quality, numbers that wrap, and parents with gains of 8, -5 and 0.

use crate::*;

/// A file: a configuration and seven packets.
#[rustfmt::skip]
const FILE: &str = "45464653000000354000015f8ffea07bb8bff60740ae1df2d01b16744521bc108ebdbbce06e15746e827165c25a087e0\
    a96f832b7d0c7ee4a16efc46d9000000305ffe2bffffff0000001c21f809550a672c789c09ef190bdb3c0093fbd2e8ce\
    4a5153825d45f3abc7e46138d2934b17a80000002d6fff6844844f47ffddc16d8eff32d333b5cd73a630b0a8edf3a75d\
    8eed31e3db0ff952199c12031988c4f37337000000206000e8ff1a166cb27ed8fa43a5a82ec56afdef90b5eacc03e161\
    24bb6b2e29d70000002e6001c957c0f73f3ba72c6de2cfbcc04e8ea5ac0fc60e5bae6f8fdf3eb009023a96cbbc70ed3a\
    e8d2499ea41745030000005050022acfffff0023281fffd85f354cd84192fef2d83b13b8507813ff09a58608e4bf9e42\
    f90f7fa3060df850318c4fa8ed592fe3ed009b88c7bb162c18ea6501b8b74b41ed67bf9763d865d38b646e2a00000020\
    6003c5cff87717bb11e513c553cc02badf0368c48cebb9ad2907cbab1c023bf10000001f6004f35f17d9decf79650f4c\
    58cb01568bf4ec0c3ee1bbb409c402bac678c9";

/// The time in ticks and the channels of the last frame of each packet, as that decoder has them.
#[rustfmt::skip]
const EXPECTED: [(u64, [i64; 26]); 7] = [
    (15000, [38807, 410, 571, 20099, 43061, 4143, 0, 4793, 0, 0, 29304, 0, 0, 0, 1672, 0, 1990, 98659, -16552, 0, 3385, 0, 1978, 98130, -16722, 86954]),
    (33000, [44977, 0, 0, 20099, 54338, 103, 196607260, 10366, 0, 0, 34346, 0, 0, 0, 6183, 0, 4382, 98659, -16552, 0, 7299, 0, 4233, 98130, -16722, 86954]),
    (51000, [50984, 0, 184, 19484, 58944, -55, 196608020, 14811, 0, 0, 38491, 0, 0, 0, 10968, 0, 7419, 98224, -16552, 0, 11124, 0, 7278, 98130, -16287, 87701]),
    (70800, [55557, 121, 239, 19791, 57127, 58824, 196608020, 19751, 0, 0, 42533, 0, 0, 0, 14448, 0, 9868, 98224, -16552, 0, 14956, 0, 9875, 98130, -16287, 88026]),
    (88800, [58153, 0, 186, 19591, 48246, 20, 196607899, 24881, 0, 0, 46305, 0, 0, 0, 18415, 0, 12438, 98367, -16402, 0, 18639, 0, 12330, 98411, -16448, 88416]),
    (106800, [59027, 0, 177, 19591, 36241, 20, 196608053, 29206, 0, 0, 49854, 0, 0, 0, 21895, 0, 15168, 98367, -16402, 0, 22398, 0, 15145, 98411, -16448, 88741]),
    (117000, [58655, 34193, 292, 19591, 27210, 20, 196608053, 32546, 0, 0, 52037, 0, 0, 0, 25007, 0, 16794, 98367, -16402, 0, 25038, 0, 16929, 98411, -16448, 89000]),
];

#[test]
fn a_decoder_written_from_the_specification_agrees() {
    let bytes: Vec<u8> =
        (0..FILE.len() / 2).map(|i| u8::from_str_radix(&FILE[2 * i..2 * i + 2], 16).unwrap()).collect();
    let file = StreamFile::from_bytes(&bytes, &StreamLimits::default()).unwrap();
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    let mut found = Vec::new();
    for packet in &file.packets {
        if let Received::Frames(_) = decoder.push(packet).unwrap() {
            let state = decoder.state().unwrap();
            found.push((state.tick, state.last.clone()));
        }
    }
    assert_eq!(found.len(), EXPECTED.len());
    for ((tick, channels), (expected_tick, expected)) in found.iter().zip(EXPECTED) {
        assert_eq!((*tick, channels.as_slice()), (expected_tick, expected.as_slice()));
    }
    assert_eq!(decoder.frames().len(), 40);
}
