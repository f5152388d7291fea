//! Terms, what is seen, and what this replica believes to lead.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;
use tokio::time::{Instant, advance};

use super::{view::View, *};

const LASTS: Duration = Duration::from_secs(2);

fn terms(name: &str, shards: usize, duration: Duration) -> Result<Terms, TermsError> {
    Terms::new("default".into(), name.into(), shards, duration, "host")
}

#[test]
fn names_say_what_a_lease_is_for() {
    let one = terms("punctual", 1, LASTS).unwrap();
    assert_eq!(one.shard_name(0), "punctual");
    assert_eq!(one.group(), "punctual");
    let many = terms("punctual", 8, LASTS).unwrap();
    assert_eq!(many.shard_name(3), "punctual-3-of-8");
    assert_eq!(many.group(), "punctual-of-8");
    assert!(many.member_name().starts_with("punctual-member-"));
    assert_ne!(one.me, many.me, "no replica is another");
}

#[test]
fn the_longest_name_leaves_room_and_others_are_refused() {
    let longest = terms(&"a".repeat(LONGEST_NAME), MOST_SHARDS, LASTS).unwrap();
    for name in [
        longest.group(),
        longest.shard_name(63),
        longest.member_name(),
    ] {
        assert!(is_label(&name), "{name}");
    }
    for name in ["", "A", "a.b", &"a".repeat(LONGEST_NAME + 1)] {
        assert_eq!(terms(name, 1, LASTS).unwrap_err(), TermsError::Name);
    }
    for shards in [0, MOST_SHARDS + 1] {
        assert_eq!(terms("a", shards, LASTS).unwrap_err(), TermsError::Shards);
    }
    for duration in [LASTS / 4, LONGEST * 2] {
        assert_eq!(terms("a", 1, duration).unwrap_err(), TermsError::Duration);
    }
}

#[test]
fn controllers_for_different_namespaces_have_leases_of_their_own() {
    assert_eq!(name_for("punctual", "team-a"), "punctual-team-a");
    let long = |last: &str| name_for("punctual", &("x".repeat(62) + last));
    assert_ne!(long("a"), long("b"));
    terms(&long("a"), MOST_SHARDS, LASTS).unwrap();
}

#[test]
fn two_renewals_may_fail_before_a_lease_is_lost() {
    for duration in [SHORTEST, LASTS, LONGEST] {
        let terms = terms("a", 1, duration).unwrap();
        let (slowest, pause) = (terms.renew_after(99), terms.retry_after(99));
        let patience = terms.patience(Duration::from_millis(10));
        assert!(slowest + 2 * (patience + pause) < duration);
    }
}

#[test]
fn who_takes_long_to_write_holds_a_lease_until_two_more_writes_of_it() {
    let terms = terms("a", 1, LASTS).unwrap();
    assert_eq!(terms.lasts(LASTS / 100), LASTS);
    for latency in [LASTS / 2, LASTS, LASTS * 2] {
        let lasts = terms.lasts(latency);
        assert!(terms.renew_after(99) + 2 * latency < lasts, "{latency:?}");
        assert!(terms.patience(latency) > latency, "it is not asked twice");
    }
    assert_eq!(terms.lasts(LONGEST), LONGEST, "nor for ever");
}

fn lease(version: u64, holder: &str, seconds: i32) -> Lease {
    serde_json::from_value(json!({
        "metadata": {"name": "punctual", "resourceVersion": version.to_string()},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": seconds},
    }))
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_as_old_as_its_last_change_was_seen() {
    let terms = terms("punctual", 1, LASTS).unwrap();
    let mut view = View::default();
    let standing = |view: &mut View| {
        let standing = view.standing(&terms, LASTS, Instant::now());
        standing.shards[0].clone()
    };
    view.take_in(lease(7, "a", 3), Instant::now());
    advance(LASTS).await;
    // The same again, as a list shows it, and an earlier one, as a late answer does.
    view.take_in(lease(7, "a", 3), Instant::now());
    view.take_in(lease(6, "b", 3), Instant::now());
    let seen = standing(&mut view);
    assert_eq!((seen.holder.as_str(), seen.age), ("a", LASTS));
    assert_eq!(
        seen.duration,
        Duration::from_secs(3),
        "what its holder said"
    );
    view.take_in(lease(8, "a", i32::MAX), Instant::now());
    let seen = standing(&mut view);
    assert_eq!(seen.age, Duration::ZERO);
    assert_eq!(seen.duration, Duration::from_secs(60), "not for ever");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_renewed_in_time_is_not_led() {
    let leadership = Leadership::of(1);
    assert!(!leadership.leads("x"));
    let since = Timestamp::UNIX_EPOCH;
    assert!(leadership.hold(0, Instant::now() + LASTS, since), "gained");
    advance(LASTS / 2).await;
    assert!(
        !leadership.hold(0, Instant::now() + LASTS, since),
        "renewed"
    );
    advance(LASTS - Duration::from_millis(1)).await;
    assert!(leadership.leads("x"));
    advance(Duration::from_millis(1)).await;
    assert!(!leadership.leads("x"), "by the clock, before anybody looks");
    assert_eq!(leadership.since("x"), None);
    assert_eq!(leadership.lapse(), [0]);
    assert_eq!(leadership.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_lost_in_between_is_gained_anew_though_nobody_looked() {
    let leadership = Leadership::of(1);
    let led = leadership.led();
    leadership.hold(0, Instant::now() + LASTS, Timestamp::UNIX_EPOCH);
    let first = led.borrow()[0];
    advance(LASTS).await;
    assert!(leadership.hold(0, Instant::now() + LASTS, Timestamp::UNIX_EPOCH));
    assert_ne!(led.borrow()[0], first);
}

#[tokio::test(start_paused = true)]
async fn without_leases_everything_is_led() {
    assert!(Leadership::always().leads("x"));
    assert_eq!(Leadership::always().count(), 1);
    let leadership = Leadership::of(3);
    assert!(leadership.without(true));
    assert!(!leadership.without(true), "that is not new");
    assert!(leadership.leads("x"));
    assert_eq!(leadership.count(), 3);
    assert!(leadership.without(false));
    assert!(!leadership.leads("x"));
}

#[tokio::test(start_paused = true)]
async fn what_only_one_should_do_is_done_while_it_leads_the_first_shard() {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    use tokio_util::sync::CancellationToken;
    let leadership = Leadership::of(2);
    let (begun, ended) = <(AtomicU32, AtomicU32)>::default();
    let stop = CancellationToken::new();
    let work = |term: CancellationToken| {
        begun.fetch_add(1, Relaxed);
        let ended = &ended;
        async move {
            term.cancelled().await;
            ended.fetch_add(1, Relaxed);
        }
    };
    let pause = || tokio::time::sleep(Duration::from_millis(1));
    let counts = || (begun.load(Relaxed), ended.load(Relaxed));
    let hold = |shard| leadership.hold(shard, Instant::now() + LASTS, Timestamp::UNIX_EPOCH);
    let script = async {
        hold(1);
        pause().await;
        assert_eq!(counts(), (0, 0), "another shard");
        hold(0);
        pause().await;
        assert_eq!(counts(), (1, 0));
        leadership.lose(0);
        pause().await;
        assert_eq!(counts(), (1, 1));
        hold(0);
        pause().await;
        assert_eq!(counts(), (2, 1));
        stop.cancel();
    };
    tokio::join!(
        while_leading(leadership.clone(), stop.clone(), work),
        script
    );
    assert_eq!(counts(), (2, 2));
}
