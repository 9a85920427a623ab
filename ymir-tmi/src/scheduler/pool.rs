use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use ymir_core::{Error, ErrorKind, ErrorReport, Grant, Result};

use super::blocking::blocking;
use super::policy::{Amount, Queue};
use crate::gpu::{self, Device, DeviceId, DeviceSource, Lease, LeaseDir};

/// How often GPUs are looked for again that are in strangers' hands.
const GPU_POLL: Duration = Duration::from_millis(500);

/// Grants resources to those who wait, in the order of [`Queue`]. One supervisor owns the state;
/// this is the handle to it.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    messages: mpsc::UnboundedSender<Message>,
}

/// What a pool has to give.
#[derive(Debug)]
pub(super) struct Capacity {
    pub(super) cpus: u32,
    pub(super) memory: u64,
    pub(super) devices: Arc<dyn DeviceSource>,
    pub(super) leases: LeaseDir,
}

#[derive(Debug)]
enum Message {
    Acquire { priority: i32, order: u64, need: Amount, reply: oneshot::Sender<Result<Granted>> },
    Release { need: Amount, devices: Vec<DeviceId> },
    Look,
}

/// Resources that are held until this is dropped.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) grant: Grant,
    need: Amount,
    leases: Vec<Lease>,
    messages: mpsc::UnboundedSender<Message>,
}

impl Drop for Granted {
    fn drop(&mut self) {
        let devices = self.leases.drain(..).map(|lease| lease.device().clone()).collect();
        // Without a supervisor there is nobody left to grant them to.
        let _ = self.messages.send(Message::Release { need: self.need, devices });
    }
}

impl Pool {
    pub(super) fn start(handle: &Handle, capacity: Capacity) -> Self {
        let (messages, inbox) = mpsc::unbounded_channel();
        let supervisor = Supervisor {
            free: Amount { gpus: 0, cpus: capacity.cpus, memory: capacity.memory },
            held: Amount::default(),
            ours: BTreeSet::new(),
            waiting: Queue::default(),
            messages: messages.downgrade(),
            capacity,
        };
        handle.spawn(supervisor.run(inbox));
        Self { messages }
    }

    /// Takes a place in the queue.
    pub(super) fn request(&self, priority: i32, order: u64, need: Amount) -> Turn {
        let (reply, answer) = oneshot::channel();
        let message = Message::Acquire { priority, order, need, reply };
        // When nobody takes the message, the answer's channel is closed as well.
        let _ = self.messages.send(message);
        Turn { answer, messages: self.messages.clone() }
    }
}

/// A place in the queue. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Turn {
    answer: oneshot::Receiver<Result<Granted>>,
    messages: mpsc::UnboundedSender<Message>,
}

impl Turn {
    /// Waits for the resources.
    pub(super) async fn granted(mut self) -> Result<Granted> {
        (&mut self.answer).await.unwrap_or_else(|_| {
            let message = "the runtime of the scheduler has ended; open it again";
            Err(Error::new(ErrorKind::Unavailable, message))
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.answer.close();
        // Others may have waited for this one: the supervisor is to look again.
        let _ = self.messages.send(Message::Look);
    }
}

type Reply = oneshot::Sender<Result<Granted>>;

struct Supervisor {
    capacity: Capacity,
    free: Amount,
    held: Amount,
    ours: BTreeSet<DeviceId>,
    waiting: Queue<Reply>,
    messages: mpsc::WeakUnboundedSender<Message>,
}

impl Supervisor {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        loop {
            let message = if self.waiting.wants_gpus() {
                timeout(GPU_POLL, inbox.recv()).await.unwrap_or(Some(Message::Look))
            } else {
                inbox.recv().await
            };
            let Some(message) = message else { return };
            self.take(message);
            while let Ok(message) = inbox.try_recv() {
                self.take(message);
            }
            self.serve().await;
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Acquire { priority, order, need, reply } => {
                self.waiting.push(priority, order, need, reply);
            }
            Message::Release { need, devices } => {
                self.free = self.free.plus(&Amount { gpus: 0, ..need });
                self.held = self.held.minus(&need);
                for device in &devices {
                    self.ours.remove(device);
                }
            }
            Message::Look => {}
        }
    }

    /// Grants all that can be granted now.
    async fn serve(&mut self) {
        drop(self.waiting.extract(|_, reply| !reply.is_closed()));
        let devices = self.look().await;
        let mut leased = self.ours.clone();
        loop {
            let gpus = gpu::available(&devices, &leased).len();
            let free = Amount { gpus: u32::try_from(gpus).unwrap_or(u32::MAX), ..self.free };
            let Some(at) = self.waiting.next(&free, &self.held) else { return };
            let chosen = gpu::allocate(&devices, &leased, self.waiting.need(at).gpus);
            let leases = match self.lease(chosen.unwrap_or_default()).await {
                Ok(Leased::Ours(leases)) => Ok(leases),
                Ok(Leased::Elsewhere(device)) => {
                    leased.insert(device);
                    continue;
                }
                Err(error) => Err(error),
            };
            self.grant(at, leases);
            leased.extend(self.ours.iter().cloned());
        }
    }

    /// Reads the devices if somebody waits for some. If they cannot be read, those who wait for
    /// some are told.
    async fn look(&mut self) -> Vec<Device> {
        if !self.waiting.wants_gpus() {
            return Vec::new();
        }
        let source = Arc::clone(&self.capacity.devices);
        let error = match blocking(move || source.devices()).await {
            Ok(devices) => return devices,
            Err(error) => ErrorReport::from(&error),
        };
        for reply in self.waiting.extract(|need, _| need.gpus == 0) {
            let _ = reply.send(Err(error.clone().into()));
        }
        Vec::new()
    }

    /// Leases these devices, all or none. They are locked in one order by everybody, so that of
    /// two processes that want the same ones one gets them.
    async fn lease(&self, chosen: Vec<DeviceId>) -> Result<Leased> {
        if chosen.is_empty() {
            return Ok(Leased::Ours(Vec::new()));
        }
        let dir = self.capacity.leases.clone();
        blocking(move || {
            let mut order: Vec<_> = (0..chosen.len()).collect();
            order.sort_by_key(|&at| &chosen[at]);
            let mut leases = Vec::with_capacity(chosen.len());
            for at in order {
                match dir.try_lease(&chosen[at])? {
                    Some(lease) => leases.push((at, lease)),
                    None => return Ok(Leased::Elsewhere(chosen[at].clone())),
                }
            }
            leases.sort_by_key(|(at, _)| *at);
            Ok(Leased::Ours(leases.into_iter().map(|(_, lease)| lease).collect()))
        })
        .await
    }

    fn grant(&mut self, at: usize, leases: Result<Vec<Lease>>) {
        let need = self.waiting.need(at);
        let reply = self.waiting.take(at);
        // Without senders there is nobody who waits.
        let Some(messages) = self.messages.upgrade() else { return };
        let granted = leases.map(|leases| {
            self.free = self.free.minus(&Amount { gpus: 0, ..need });
            self.held = self.held.plus(&need);
            self.ours.extend(leases.iter().map(|lease| lease.device().clone()));
            let gpus = leases.iter().map(|lease| lease.device().to_string()).collect();
            let grant = Grant { gpus, cpus: need.cpus, memory: need.memory };
            Granted { grant, need, leases, messages }
        });
        // What nobody takes is dropped, and so given back.
        let _ = reply.send(granted);
    }
}

enum Leased {
    Ours(Vec<Lease>),
    /// This one is held by somebody else.
    Elsewhere(DeviceId),
}
