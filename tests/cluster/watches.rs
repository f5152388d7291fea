//! The watches that go through the proxy: they can be frozen, so that no byte of them arrives, and
//! then go on or break.

use futures::{StreamExt, stream};
use http_body_util::{BodyExt, StreamBody};
use hyper::{Response, body::Frame};
use kube::client::Body;
use tokio::sync::watch;

use super::proxy::{Answer, Broken};

/// All watches of a proxy.
#[derive(Default)]
pub struct Watches(watch::Sender<Flow>);

#[derive(Clone, Copy, Default)]
struct Flow {
    frozen: bool,
    /// How often all that were open were broken.
    broken: u64,
}

impl Watches {
    /// From now on no byte of any watch arrives; one that is asked for anew is answered, and silent.
    pub fn freeze(&self) {
        self.0.send_modify(|flow| flow.frozen = true);
    }

    /// All that was held back arrives.
    pub fn thaw(&self) {
        self.0.send_modify(|flow| flow.frozen = false);
    }

    /// Every open watch breaks off, and what was held back is lost.
    pub fn break_off(&self) {
        self.0.send_modify(|flow| {
            flow.frozen = false;
            flow.broken += 1;
        });
    }

    /// A watch's answer, which arrives as we say.
    pub fn control(&self, answer: Response<Body>) -> Answer {
        let flow = self.0.subscribe();
        let opened = flow.borrow().broken;
        answer.map(|body| {
            let open = Some((body.into_data_stream(), flow));
            let frames = stream::unfold(open, move |open| async move {
                let (mut data, mut flow) = open?;
                let mut breaks = flow.clone();
                let next = async {
                    let bytes = data.next().await;
                    // It has come as far as us, and goes no further while all is frozen.
                    let _ = flow.wait_for(|flow| !flow.frozen).await;
                    bytes
                };
                let next = tokio::select! {
                    biased;
                    _ = breaks.wait_for(|flow| flow.broken != opened) => {
                        return Some((Err(Broken::Wanted), None));
                    }
                    next = next => next?,
                };
                Some((
                    next.map(Frame::data).map_err(Broken::from),
                    Some((data, flow)),
                ))
            });
            StreamBody::new(frames).boxed_unsync()
        })
    }
}
