//! Who takes, renews and gives back which shard, as a table; and whether replicas that decide so come
//! to rest, each with its part.

use std::{collections::BTreeMap, time::Duration};

use punctual::core::shards::{MEMBER_LASTS, Moves, SeenLease, Standing, decide, shard_of};

const LASTS: Duration = Duration::from_secs(2);
const RENEW: Duration = Duration::from_millis(500);

/// What "me" sees. A shard is "holder", "holder expired", "" (given back) or "none"; " overdue" says that
/// this was long ago.
fn standing(members: &[&str], shards: &[&str]) -> Standing {
    let members = members.iter().map(|text| {
        let lease = seen(text, LASTS * MEMBER_LASTS);
        (format!("{}-member", lease.holder), lease)
    });
    Standing {
        me: "me".into(),
        renew_after: RENEW,
        members: members.collect(),
        shards: shards.iter().map(|text| shard(text)).collect(),
    }
}

fn shard(text: &str) -> SeenLease {
    seen(text.strip_prefix("none").unwrap_or(text), LASTS)
}

fn seen(text: &str, duration: Duration) -> SeenLease {
    let (holder, how) = text.split_once(' ').unwrap_or((text, ""));
    let age = match how {
        "" => Duration::from_millis(100),
        "old" => RENEW * MEMBER_LASTS,
        "expired" => duration,
        "overdue" if holder.is_empty() => duration,
        "overdue" => duration * 2,
        "dead" => duration * 10,
        _ => panic!("{how}?"),
    };
    SeenLease {
        holder: holder.into(),
        age,
        duration,
    }
}

/// The moves in words, such as "announce, take 0 2".
fn words(moves: &Moves) -> String {
    let list = |verb: &str, shards: &[usize]| {
        let shards: Vec<_> = shards.iter().map(ToString::to_string).collect();
        (!shards.is_empty()).then(|| format!("{verb} {}", shards.join(" ")))
    };
    let bury = moves.bury.join(" ");
    let all = [
        moves.announce.then(|| "announce".into()),
        list("renew", &moves.renew),
        list("take", &moves.take),
        list("release", &moves.release),
        (!bury.is_empty()).then(|| format!("bury {bury}")),
    ];
    let all: Vec<String> = all.into_iter().flatten().collect();
    assert_eq!(moves.is_none(), all.is_empty());
    all.join(", ")
}

#[test]
fn what_a_replica_does_about_what_it_sees() {
    let table: [(&str, &[&str], &[&str], &str); 28] = [
        ("who is new says so first", &[], &["none"], "announce"),
        (
            "alone: takes what there never was",
            &["me"],
            &["none"],
            "take 0",
        ),
        ("alone: takes what was given back", &["me"], &[""], "take 0"),
        ("holds it, fresh: nothing", &["me"], &["me"], ""),
        ("holds it, due: renews", &["me"], &["me old"], "renew 0"),
        (
            "holds it still, though too late: renews",
            &["me"],
            &["me expired"],
            "renew 0",
        ),
        (
            "due to be announced again",
            &["me old"],
            &["me"],
            "announce",
        ),
        ("another leads: stands by", &["me", "you"], &["you"], ""),
        (
            "another leads, not yet announced: stands by",
            &["me"],
            &["you"],
            "",
        ),
        (
            "another is late, but not too late",
            &["me", "you"],
            &["you old"],
            "",
        ),
        (
            "another's expired: takes it",
            &["me", "you"],
            &["you expired"],
            "take 0, bury you-member",
        ),
        (
            "given back while two stand by: the first of them",
            &["me", "you"],
            &[""],
            "take 0",
        ),
        (
            "given back while two stand by: not the second",
            &["me", "a"],
            &[""],
            "",
        ),
        (
            "the first that stood by is gone",
            &["me", "a expired"],
            &[""],
            "take 0",
        ),
        (
            "expired while two stand by",
            &["me", "you", "z"],
            &["z expired"],
            "take 0, bury z-member",
        ),
        (
            "given back long ago: the first is gone, whatever its Lease says",
            &["me", "a"],
            &[" overdue"],
            "take 0, bury a-member",
        ),
        (
            "expired long ago: the first is gone too",
            &["me", "a"],
            &["z overdue"],
            "take 0, bury a-member",
        ),
        (
            "never made for long",
            &["me", "a"],
            &["none overdue"],
            "take 0, bury a-member",
        ),
        (
            "the one that lacks a shard doesn't come for it",
            &["me", "a"],
            &["me", "z overdue"],
            "take 1, bury a-member",
        ),
        (
            "half each",
            &["me", "you"],
            &["none", "none", "none", "none"],
            "take 0 1",
        ),
        (
            "the other half",
            &["me", "a"],
            &["none", "none", "none", "none"],
            "take 2 3",
        ),
        (
            "one has joined: gives the half away",
            &["me", "you"],
            &["me", "me", "me", "me"],
            "release 2 3",
        ),
        (
            "what is given away is not renewed before",
            &["me", "you"],
            &["me old", "me old"],
            "renew 0, release 1",
        ),
        (
            "one too many, but nobody could have it",
            &["me", "you"],
            &["me", "me", "you"],
            "",
        ),
        (
            "one has left: takes its part",
            &["me", "you", "z"],
            &["me", "me", "you", "you", "z expired", "z expired"],
            "take 4, bury z-member",
        ),
        (
            "one has left, and only one of its Leases has expired so far",
            &["me", "z"],
            &["me", "z expired", "z"],
            "take 1, bury z-member",
        ),
        (
            "the leader of the first shard buries the dead",
            &["me", "a dead", "b expired"],
            &["me"],
            "bury a-member",
        ),
        ("and nobody else does", &["me", "a dead"], &["you"], ""),
    ];
    for (what, members, shards, moves) in table {
        assert_eq!(words(&decide(&standing(members, shards))), moves, "{what}");
    }
}

#[test]
fn it_looks_again_when_something_is_due_or_expires() {
    let wait = |members, shards| decide(&standing(members, shards)).look_again.as_millis();
    let (mine, others) = (400, 1_900);
    assert_eq!(wait(&["me"], &["me"]), mine, "mine is to be renewed");
    assert_eq!(wait(&["me"], &["you"]), 1_400, "my own announcement");
    assert_eq!(wait(&[], &["you"]), others, "another's expires");
    assert_eq!(
        wait(&[], &["none"]),
        others,
        "whoever's turn it is, is not there"
    );
    assert_eq!(wait(&[], &["me old"]), 500, "it is due now");
}

/// A cluster of replicas that see everything at once.
struct Cluster {
    shards: Vec<SeenLease>,
    members: BTreeMap<String, SeenLease>,
}

impl Cluster {
    fn new(shards: usize) -> Self {
        Self {
            shards: vec![shard("none"); shards],
            members: BTreeMap::new(),
        }
    }

    /// Each of these decides in turn, each seeing what those before it did. How much was done.
    fn round(&mut self, replicas: &[&str]) -> usize {
        let mut done = 0;
        for me in replicas {
            let standing = Standing {
                me: (*me).into(),
                renew_after: RENEW,
                members: self.members.clone(),
                shards: self.shards.clone(),
            };
            let moves = decide(&standing);
            done += moves.take.len() + moves.release.len();
            if moves.announce {
                let lease = seen(me, LASTS * MEMBER_LASTS);
                self.members.insert((*me).into(), lease);
            }
            for shard in moves.take.iter().chain(&moves.renew) {
                self.shards[*shard] = seen(me, LASTS);
            }
            for shard in moves.release {
                self.shards[shard] = seen("", LASTS);
            }
            for name in moves.bury {
                self.members.remove(&name);
            }
        }
        done
    }

    /// How many shards each has, once nothing changes any more.
    fn settle(&mut self, replicas: &[&str]) -> Vec<usize> {
        for _ in 0..10 {
            if self.round(replicas) == 0 {
                let held = |name: &&str| {
                    let shards = self.shards.iter();
                    shards.filter(|lease| lease.holder == **name).count()
                };
                return replicas.iter().map(held).collect();
            }
        }
        panic!("{replicas:?} come to no rest: {:?}", self.shards);
    }

    /// Dies without a word. All that it held expires; its announcement lasts longer, unless there was
    /// nothing else to miss it by.
    fn kill(&mut self, name: &str) {
        let mut missed = false;
        for lease in self.shards.iter_mut() {
            if lease.holder == name {
                lease.age = lease.duration;
                missed = true;
            }
        }
        if !missed {
            self.members.remove(name);
        }
    }
}

#[test]
fn replicas_that_come_and_go_come_to_rest_each_with_its_part() {
    let all = ["a", "b", "c", "d", "e"];
    for shards in 1..=17 {
        let mut cluster = Cluster::new(shards);
        cluster.round(&all);
        for there in [1, 2, 3, 5, 4, 2, 5, 1] {
            let (here, gone) = all.split_at(there);
            gone.iter().for_each(|name| cluster.kill(name));
            cluster.round(here);
            let held = cluster.settle(here);
            assert_eq!(held.iter().sum::<usize>(), shards, "{held:?}");
            let (floor, ceil) = (shards / there, shards.div_ceil(there));
            assert!(
                held.iter().all(|held| (floor..=ceil).contains(held)),
                "{shards} shards of {there} replicas: {held:?}"
            );
        }
    }
}

#[test]
fn few_shards_move_when_a_replica_comes() {
    let mut cluster = Cluster::new(12);
    cluster.settle(&["a", "b", "c"]);
    cluster.settle(&["a", "b", "c"]);
    let before: Vec<_> = cluster.shards.clone();
    cluster.round(&["a", "b", "c", "d"]);
    assert_eq!(cluster.settle(&["a", "b", "c", "d"]), [3, 3, 3, 3]);
    let moved = before.iter().zip(&cluster.shards);
    assert_eq!(moved.filter(|(before, after)| before != after).count(), 3);
}

#[test]
fn the_schedules_are_spread_over_the_shards() {
    let uid = |n: u32| format!("0b5ff1f1-6b1c-4d0c-8d8e-{n:012x}");
    for shards in [1, 2, 8, 64] {
        let mut counts = vec![0; shards];
        for n in 0..6_400 {
            counts[shard_of(&uid(n), shards)] += 1;
        }
        let fair = 6_400 / shards;
        assert!(
            counts
                .iter()
                .all(|count| (fair / 2..=fair * 2).contains(count)),
            "{counts:?}"
        );
    }
    // Every replica of every version must say the same.
    assert_eq!(shard_of(&uid(1), 8), 7);
}
