//! The reasons as a table for people, and what to do about each.

use std::fmt::Write as _;

use super::reason::{Reason, Severity};

/// What a user can do about it, as a sentence; none where nothing needs to be done or where the
/// message that comes with the reason is all there is to say.
pub const fn remedy(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Started
        | Reason::Succeeded
        | Reason::NonZeroExit
        | Reason::PodDeleted
        | Reason::PodFailed
        | Reason::ScheduleChanged
        | Reason::NamespaceTerminating
        | Reason::CreateRefused
        | Reason::Replaced
        | Reason::Retrying
        | Reason::Queued
        | Reason::Ready
        | Reason::CircuitClosed
        | Reason::InTime
        | Reason::Disabled => None,
        Reason::CircuitOpen => {
            Some("Find out why the runs fail; a run by hand that succeeds ends the pause.")
        }
        Reason::Overdue => Some("See in status.recentRuns and recentSkips why none has."),
        Reason::OOMKilled => Some("Raise the container's memory limit, or make it use less."),
        Reason::DeadlineExceeded => {
            Some("Raise activeDeadlineSeconds, or make the run finish sooner.")
        }
        Reason::Evicted => Some("Request what the run needs of memory and ephemeral storage."),
        Reason::Preempted => Some("Give the template a priorityClassName that outranks the other."),
        Reason::NodeLost | Reason::NodeShutdown => {
            Some("Look at the node; the next fire is not affected.")
        }
        Reason::RefusedByNode => Some("Compare what the pod asks for with what the node has left."),
        Reason::Unschedulable => {
            Some("Compare the pod's requests, selectors and tolerations with the nodes.")
        }
        Reason::ImagePullFailed => Some("Check the image's name and tag, and imagePullSecrets."),
        Reason::ContainerConfigError => {
            Some("Check that the ConfigMaps, Secrets and keys that the container names exist.")
        }
        Reason::StillActive => {
            Some("If that is usual, run it less often, or limit it with activeDeadlineSeconds.")
        }
        Reason::QueueFull => Some("Raise queueLimit, or run it less often."),
        Reason::TooManyActive => Some("Raise maxActive, or run it less often."),
        Reason::NotReady => Some("Look at the pod's readiness probes."),
        Reason::RunStuck => Some("Look at why it waits; with action Fail it would be stopped."),
        Reason::Missed => {
            Some("Set missedFires to RunAll, or raise missedFiresLimit, if each of them shall run.")
        }
        Reason::StartingDeadlineExceeded => {
            Some("Raise startingDeadlineSeconds if late starts are welcome.")
        }
        Reason::QuotaExceeded => Some("Raise the ResourceQuota, or free some of it."),
        Reason::PodSecurityViolation => {
            Some("Change the template's securityContext, or the namespace's level.")
        }
        Reason::InvalidPod => Some("Correct spec.template."),
        Reason::CreateForbidden => {
            Some("Let the controller's service account create pods in this namespace.")
        }
        Reason::Suspended => Some("Set spec.suspend to false to let it run."),
        Reason::ClockBehind => {
            Some("Look at the clock of the controller's node; nothing runs twice.")
        }
        Reason::NeverFires | Reason::InvalidSchedule => Some("Correct spec.schedule."),
        Reason::InvalidTimeZone => Some("Set spec.timeZone to an IANA name such as Europe/Berlin."),
        Reason::CalendarNotFound => {
            Some("Create the calendar, or correct its kind and name in spec.calendars.")
        }
        Reason::InvalidCalendar => Some("Correct the calendar; its schedules follow at once."),
        Reason::InvalidSpec => Some("Update the controller, or correct the spec."),
        Reason::CrashLooping => {
            Some("Use restartPolicy Never, or limit the run with activeDeadlineSeconds.")
        }
        Reason::CannotProceed => {
            Some("Look at the message: a webhook may be down, or a right missing.")
        }
        Reason::StatusRepaired => Some("Find out who wrote it: only the controller should."),
        Reason::NameTaken => Some("Delete or rename the other pod if the names confuse you."),
        Reason::InvalidEntry | Reason::InvalidFile => {
            Some("Correct the schedule file; it is read again at once.")
        }
    }
}

/// Every reason as a Markdown page: name, type of its Event, meaning, remedy.
pub fn table() -> String {
    let mut page = String::from(
        "# Reasons\n\n\
         Under one name, a reason is the reason of an Event and of a condition, the `reason` of a log\n\
         line, of a run and of a skip in the status, and the `reason` label of a metric.\n\n\
         | reason | Event | meaning | what to do |\n|---|---|---|---|\n",
    );
    for &reason in Reason::ALL {
        let event = match reason.severity() {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        };
        let remedy = remedy(reason).unwrap_or_default();
        // Writing to a String can't fail.
        let _ = writeln!(
            page,
            "| `{reason}` | {event} | {} | {remedy} |",
            reason.meaning()
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_one_row_of_four_cells() {
        let page = table();
        for &reason in Reason::ALL {
            let rows: Vec<_> = page
                .lines()
                .filter(|line| line.starts_with(&format!("| `{reason}` |")))
                .collect();
            assert_eq!(rows.len(), 1, "{reason}");
            assert_eq!(rows[0].matches('|').count(), 5, "{}", rows[0]);
        }
    }

    #[test]
    fn a_remedy_is_a_sentence() {
        for text in Reason::ALL.iter().filter_map(|&reason| remedy(reason)) {
            assert!(
                text.ends_with('.') && text.starts_with(char::is_uppercase),
                "{text}"
            );
        }
    }
}
