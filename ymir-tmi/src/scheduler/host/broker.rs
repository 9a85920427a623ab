use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use ymir_core::{Error, ErrorKind, ErrorReport, Grant, Result, TaskId};

use super::ledger::{Answer, Claim, Ledger};
use crate::scheduler::blocking::blocking;
use crate::scheduler::outbox::lock;

/// How often the ledger is looked at for what other processes gave back, while something waits.
const POLL: Duration = Duration::from_millis(50);

/// Waits for resources on behalf of the tasks of one scheduler.
#[derive(Debug)]
pub(in crate::scheduler) struct Broker {
    ledger: Mutex<Ledger>,
    waiting: Mutex<HashMap<i64, oneshot::Sender<Result<Grant>>>>,
    withdrawn: Mutex<Vec<(i64, Claim)>>,
    wake: Notify,
}

/// A place in the queue; dropping it withdraws the claim.
#[derive(Debug)]
pub(in crate::scheduler) struct Ticket {
    broker: Arc<Broker>,
    claim: Claim,
    state: State,
}

#[derive(Debug)]
enum State {
    Held(Grant),
    Waits(i64, oneshot::Receiver<Result<Grant>>),
    Done,
}

impl Broker {
    /// Starts the broker of a scheduler; it ends when the last handle is dropped.
    pub(in crate::scheduler) fn start(handle: &Handle, ledger: Ledger) -> Arc<Self> {
        let broker = Arc::new(Self {
            ledger: Mutex::new(ledger),
            waiting: Mutex::default(),
            withdrawn: Mutex::default(),
            wake: Notify::new(),
        });
        handle.spawn(serve(Arc::downgrade(&broker)));
        broker
    }

    /// Takes a place in the queue.
    pub(in crate::scheduler) async fn claim(self: &Arc<Self>, claim: Claim) -> Result<Ticket> {
        let (broker, asked) = (Arc::clone(self), claim.clone());
        blocking(move || {
            let mut ledger = lock(&broker.ledger);
            let state = match ledger.claim(&asked)? {
                Answer::Held(grant) => State::Held(grant),
                Answer::Waits(number) => {
                    let (sender, receiver) = oneshot::channel();
                    lock(&broker.waiting).insert(number, sender);
                    State::Waits(number, receiver)
                }
            };
            drop(ledger);
            broker.wake.notify_one();
            Ok(Ticket { broker, claim, state })
        })
        .await
    }

    /// Records what the run of an adopted unit holds.
    pub(in crate::scheduler) async fn adopt(
        self: &Arc<Self>,
        claim: Claim,
        grant: Grant,
    ) -> Result<()> {
        self.call(move |ledger| ledger.adopt(&claim, &grant)).await
    }

    /// Gives back what a unit holds.
    pub(in crate::scheduler) async fn release(
        self: &Arc<Self>,
        task: &TaskId,
        unit: u32,
    ) -> Result<()> {
        let task = task.clone();
        let released = self.call(move |ledger| ledger.release(&task, unit)).await;
        self.wake.notify_one();
        released
    }

    /// Does something with the ledger where it holds nobody up.
    pub(in crate::scheduler) async fn call<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Ledger) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let broker = Arc::clone(self);
        blocking(move || work(&mut lock(&broker.ledger))).await
    }

    /// Withdraws the claims that nobody waits for any more.
    pub(in crate::scheduler) fn flush(&self) {
        lock(&self.waiting).clear();
        self.work();
    }

    /// Withdraws claims and hands out what can be granted; returns whether something still waits.
    fn work(&self) -> bool {
        let mut ledger = lock(&self.ledger);
        for (number, claim) in std::mem::take(&mut *lock(&self.withdrawn)) {
            lock(&self.waiting).remove(&number);
            if ledger.withdraw(number, &claim).is_err() {
                lock(&self.withdrawn).push((number, claim));
            }
        }
        if lock(&self.waiting).is_empty() {
            return !lock(&self.withdrawn).is_empty();
        }
        let granted = ledger.grant();
        drop(ledger);
        let mut waiting = lock(&self.waiting);
        match granted {
            Ok(granted) => {
                for (number, grant) in granted {
                    // One that nobody takes is withdrawn by its ticket.
                    waiting.remove(&number).map(|sender| sender.send(grant));
                }
            }
            Err(error) if error.is_retryable() => {}
            Err(error) => {
                let report = ErrorReport::from(&error);
                for (_, sender) in waiting.drain() {
                    let _ = sender.send(Err(report.clone().into()));
                }
            }
        }
        !waiting.is_empty()
    }
}

async fn serve(broker: Weak<Broker>) {
    let mut waits = false;
    loop {
        let Some(strong) = broker.upgrade() else { return };
        // A handle that is dropped meanwhile is noticed within a second.
        let pause = if waits { POLL } else { Duration::from_secs(1) };
        let woken = timeout(pause, strong.wake.notified()).await.is_ok();
        if woken || waits {
            waits = blocking(move || Ok(strong.work())).await.unwrap_or(false);
        }
    }
}

impl Ticket {
    /// Waits for the resources. They stay held until they are given back, also when this process
    /// ends.
    pub(in crate::scheduler) async fn granted(mut self) -> Result<Grant> {
        let granted = match &mut self.state {
            State::Held(grant) => Ok(grant.clone()),
            State::Waits(_, receiver) => receiver.await.unwrap_or_else(|_| {
                let message = "the runtime of the scheduler has ended; open it again";
                Err(Error::new(ErrorKind::Unavailable, message))
            }),
            State::Done => Err(Error::new(ErrorKind::Unexpected, "the ticket was used")),
        };
        self.state = State::Done;
        granted
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let State::Waits(number, receiver) = &mut self.state {
            receiver.close();
            lock(&self.broker.withdrawn).push((*number, self.claim.clone()));
            self.broker.wake.notify_one();
        }
    }
}
