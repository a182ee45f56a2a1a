//! What a look could not see, and whether root would.

use crate::model::{ActiveState, Lvm, Pool, Probe, Seen, Snapshot};
use crate::observe::consumers::Consumers;
use crate::report::json::{CannotSee, Part, is_forbidden};

/// All of it, in the order in which it is shown. `root`: this is root already.
pub fn cannot_see(seen: &Snapshot, consumers: &Consumers, root: bool) -> Vec<CannotSee> {
    let daemon = &seen.daemon;
    let active = matches!(&daemon.unit, Seen::Known(unit) if unit.active_state == ActiveState::Active);
    let pool = seen.pool.known().map(Option::as_ref);
    let on_files = pool.is_none_or(|pool| pool.is_some_and(Pool::is_loop));
    let lvm = pool.flatten().and_then(|pool| match &pool.lvm {
        Lvm::Asked(said) => said.why_unknown(),
        Lvm::No | Lvm::NotAsked => None,
    });
    let refused = match &daemon.info {
        Probe::Refused(why) if is_forbidden(why) => Some(why.as_str()),
        _ => None,
    };
    let volumes = consumers.largest.why_unknown().filter(|_| pool.flatten().is_some());
    let looks = [
        (Part::Pool, seen.pool.why_unknown()),
        (Part::Room, seen.host.why_unknown().filter(|_| on_files)),
        (Part::VolumeGroup, lvm),
        (Part::Consumers, volumes),
        (Part::ContainerNames, consumers.nameless.as_deref()),
        (Part::Unit, daemon.unit.why_unknown()),
        (Part::Answers, refused),
        (Part::Tasks, daemon.tasks.why_unknown().filter(|_| active)),
        (Part::KernelLog, seen.evidence.kernel.why_unknown()),
    ];
    let unseen = |(what, why): (Part, Option<&str>)| {
        let why = why?;
        Some(CannotSee {
            what,
            why: why.to_owned(),
            needs_root: !root && is_forbidden(why),
        })
    };
    looks.into_iter().filter_map(unseen).collect()
}
