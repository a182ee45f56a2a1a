//! The pool's history: changes are kept, sameness is not, and it stays small.

use super::*;

fn used(blocks: u64) -> Pool {
    Pool {
        data: Usage {
            used_blocks: blocks,
            ..pool().data
        },
        ..pool()
    }
}

#[test]
fn changes_are_kept_and_sameness_is_not() {
    let mut memory = Memory::default();
    let all = pool().data.total_blocks;
    for (at, pool) in [
        (10, used(all / 5)),
        (20, used(all / 5 + 7)),
        (30, used(all / 2)),
        (40, full()),
        (50, full()),
        (
            60,
            Pool {
                queue_if_no_space: false,
                ..full()
            },
        ),
        (
            70,
            Pool {
                suspended: true,
                ..full()
            },
        ),
        (80, pool()),
    ] {
        memory.learn(
            &seen(pool, answered(), TaskState::Alive),
            &Settings::default(),
            secs(at),
        );
    }
    let kept: Vec<_> = memory
        .history
        .moments()
        .iter()
        .map(|(at, pool)| (at.as_secs(), pool.mode, pool.suspended))
        .collect();
    let wanted = [
        (10, Mode::Rw, false),
        (30, Mode::Rw, false),
        (40, Mode::OutOfDataSpace, false),
        (60, Mode::OutOfDataSpace, false),
        (70, Mode::OutOfDataSpace, true),
        (80, Mode::Rw, false),
    ];
    assert_eq!(kept, wanted);
}

#[test]
fn it_stays_small() {
    let mut memory = Memory::default();
    for at in 0..1000 {
        let pool = if at % 2 == 0 { pool() } else { full() };
        memory.learn(
            &seen(pool, answered(), TaskState::Alive),
            &Settings::default(),
            secs(at),
        );
    }
    let moments = memory.history.moments();
    assert!(moments.len() <= 24, "{}", moments.len());
    assert_eq!(moments.last().map(|(at, _)| *at), Some(secs(999)));
}
