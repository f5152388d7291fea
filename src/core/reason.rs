//! The closed list of reasons: why a run ended, why a fire got no run, why a schedule isn't ready.
//!
//! A reason is, under one name, the reason of an Event and of a condition, the `reason` field of a
//! log line and the `reason` label of a metric.

use std::fmt;

/// Whether the Event of a reason is Normal or a Warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Normal,
    Warning,
}

macro_rules! reasons {
    ($($name:ident $severity:ident $meaning:literal;)+) => {
        /// Why something happened, as one word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Reason] = &[$(Reason::$name,)+];

            /// The name, as it stands in Events, conditions, log lines and metrics.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Reason::$name => stringify!($name),)+
                }
            }

            /// The reason of this name.
            pub fn by_name(name: &str) -> Option<Reason> {
                Reason::ALL.iter().copied().find(|reason| reason.name() == name)
            }

            /// What it means, in a sentence for a person.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Reason::$name => $meaning,)+
                }
            }

            /// Whether its Event is Normal or a Warning.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Reason::$name => Severity::$severity,)+
                }
            }
        }
    };
}

reasons! {
    // A run's life.
    Started Normal "The run's pod was released and may start.";
    Succeeded Normal "The run's main container ended with exit code 0, or without one all its containers but sidecars did.";
    // Why a run failed.
    NonZeroExit Warning "A container of the run ended with an exit code other than 0.";
    OOMKilled Warning "A container of the run used more memory than its limit.";
    DeadlineExceeded Warning "The run took longer than activeDeadlineSeconds.";
    Evicted Warning "The run's pod was evicted from its node.";
    Preempted Warning "The run's pod was removed for one of a higher priority.";
    NodeLost Warning "The node of the run's pod did not come back.";
    NodeShutdown Warning "The node of the run's pod was shut down.";
    RefusedByNode Warning "The node refused the run's pod.";
    PodDeleted Warning "The run's pod was deleted before it had ended.";
    Replaced Normal "The run was stopped for a later fire, since concurrencyPolicy is Replace.";
    PodFailed Warning "The run's pod failed for a reason that only Kubernetes names.";
    // Why a run makes no progress.
    Unschedulable Warning "No node can take the run's pod.";
    ImagePullFailed Warning "An image of the run can't be pulled.";
    CrashLooping Warning "A container of the run fails and is started again, again and again.";
    ContainerConfigError Warning "A container of the run can't be created as it is configured.";
    NotReady Warning "The run's pod runs but is not ready.";
    RunStuck Warning "The run has made no progress for longer than stuckAfter allows.";
    Retrying Normal "An attempt of the run failed; the next one follows.";
    Queued Normal "The fire waits for the active run to end.";
    // Why a fire got no run.
    StillActive Warning "The previous run was still active when the fire fell due.";
    QueueFull Warning "As many fires as queueLimit allows were waiting already.";
    TooManyActive Warning "As many runs as maxActive allows were active.";
    Missed Warning "The fire could not start when it was due, and missedFires does not have it made up for.";
    StartingDeadlineExceeded Warning "The fire could not start within startingDeadlineSeconds.";
    ScheduleChanged Normal "The fire belonged to an earlier form of the schedule.";
    CircuitOpen Warning "Several runs in a row failed, and circuitBreaker has the schedule pause.";
    QuotaExceeded Warning "A resource quota refused the run's pod.";
    PodSecurityViolation Warning "The namespace's Pod Security level refused the run's pod.";
    InvalidPod Warning "The pod template makes no valid pod.";
    NamespaceTerminating Warning "The namespace is being deleted.";
    CreateForbidden Warning "The controller may not create the run's pod.";
    CreateRefused Warning "Kubernetes refused the run's pod for another reason.";
    // Whether a schedule can run.
    Ready Normal "The schedule is valid and will run when it is due.";
    Suspended Normal "The schedule is suspended.";
    Disabled Normal "The schedule is empty: it never runs.";
    ClockBehind Warning "The controller's clock shows a time whose fires are decided already: it was put back.";
    NeverFires Warning "The schedule is valid, but no fire is left.";
    InvalidSchedule Warning "The schedule can't be read.";
    InvalidTimeZone Warning "The time zone is unknown.";
    CalendarNotFound Warning "A calendar that the schedule names does not exist.";
    InvalidCalendar Warning "A calendar that the schedule names can't be read.";
    InvalidSpec Warning "The spec can't be read by this version of the controller.";
    CircuitClosed Normal "A run succeeded after several had failed: the schedule goes on.";
    Overdue Warning "No run has succeeded for as long as overdueAfter says.";
    InTime Normal "A run has succeeded within overdueAfter, or that has not passed yet.";
    // What else goes wrong.
    CannotProceed Warning "The API server doesn't do what the schedule needs; it is tried again.";
    StatusRepaired Warning "Somebody else had written the status, and it was put right.";
    NameTaken Warning "A pod that isn't the schedule's has the name of its run.";
    InvalidEntry Warning "An entry of the schedule file can't be used.";
    InvalidFile Warning "The schedule file can't be read.";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
