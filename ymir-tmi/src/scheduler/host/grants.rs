//! What is granted in one transaction of the ledger.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row, params};
use ymir_core::{Error, Grant, Result, TaskId};

use super::lease::{Holder, Record};
use super::ledger::{SILENCE, all, insert, to_sql};
use crate::gpu::{self, Device, DeviceId, LeaseDir};
use crate::scheduler::policy::{Amount, Choice, Holding, Queue, Request};

/// Grants given in one transaction.
pub(super) struct Grants<'a> {
    pub(super) db: &'a Connection,
    pub(super) gpus: &'a LeaseDir,
    pub(super) holder: &'a Holder,
    pub(super) lock: &'a str,
    pub(super) total: Amount,
    pub(super) now: f64,
}

/// A waiting request, by its row.
pub(super) struct Entry {
    number: i64,
    task: TaskId,
    unit: u32,
    attempt: u32,
    own: bool,
}

impl Grants<'_> {
    pub(super) fn give(
        &mut self,
        devices: Result<Vec<Device>>,
    ) -> rusqlite::Result<Vec<(i64, Result<Grant>)>> {
        let (mut queue, held) = load(self.db, self.now, self.lock)?;
        let mut answers = Vec::new();
        let devices = match devices {
            Ok(devices) => devices,
            Err(error) => {
                answers.extend(self.refuse(&queue, &error)?);
                Vec::new()
            }
        };
        let mut leased = self.leased(&devices)?;
        let mut free = self.total.minus(&held);
        let mut counted = BTreeMap::new();
        loop {
            let available = gpu::available(&devices, &leased).len();
            free.gpus = u32::try_from(available).unwrap_or(u32::MAX);
            let refused = |row: &Entry| answers.iter().any(|(number, _)| *number == row.number);
            let own = |row: &Entry| row.own && !refused(row);
            let Some(choice) = queue.next(&free, self.now, own) else { break };
            match self.lease(&queue, &choice, &devices, &mut leased)? {
                None => continue,
                Some(Err(error)) => {
                    let number = queue.chosen(&choice).item.number;
                    self.forget(number)?;
                    answers.push((number, Err(error)));
                }
                Some(Ok(grant)) => {
                    let request = queue.grant(choice, self.now);
                    free = free.minus(&request.need);
                    self.forget(request.item.number)?;
                    answers.push((request.item.number, Ok(grant)));
                }
            }
        }
        for request in queue.waiting() {
            counted.insert(request.item.number, request.overtaken);
        }
        self.count(&counted)?;
        Ok(answers)
    }

    /// Tells those of this scheduler who wait for GPUs that they cannot be read.
    fn refuse(
        &self,
        queue: &Queue<Entry>,
        error: &Error,
    ) -> rusqlite::Result<Vec<(i64, Result<Grant>)>> {
        let wants = |request: &&Request<Entry>| request.item.own && request.need.gpus > 0;
        let mut answers = Vec::new();
        for request in queue.waiting().iter().filter(wants) {
            self.forget(request.item.number)?;
            let report = ymir_core::ErrorReport::from(error);
            answers.push((request.item.number, Err(report.into())));
        }
        Ok(answers)
    }

    fn leased(&self, devices: &[Device]) -> rusqlite::Result<BTreeSet<DeviceId>> {
        if devices.is_empty() {
            return Ok(BTreeSet::new());
        }
        let leases = self.gpus.leases().map_err(to_sql)?;
        Ok(leases.into_iter().map(|lease| lease.device).collect())
    }

    /// Leases what the chosen request asks for; `None` if another user was faster.
    fn lease(
        &self,
        queue: &Queue<Entry>,
        choice: &Choice,
        devices: &[Device],
        leased: &mut BTreeSet<DeviceId>,
    ) -> rusqlite::Result<Option<Result<Grant>>> {
        let request = queue.chosen(choice);
        let need = request.need;
        let chosen = gpu::allocate(devices, leased, need.gpus).unwrap_or_default();
        let grant = Grant {
            gpus: chosen.iter().map(ToString::to_string).collect(),
            cpus: need.cpus,
            memory: need.memory,
        };
        let record = Record {
            number: 0,
            holder: self.holder.clone(),
            task: request.item.task.clone(),
            unit: request.item.unit,
            attempt: request.item.attempt,
            grant: grant.clone(),
            since: self.now,
            share: request.share.clone(),
            weight: request.weight,
        };
        let note = match record.text() {
            Ok(note) => note,
            Err(error) => return Ok(Some(Err(error))),
        };
        // In one order by everybody, so that of two users that want the same ones one gets them.
        let mut order = chosen.clone();
        order.sort();
        let mut taken: Vec<&DeviceId> = Vec::new();
        for device in &order {
            match self.gpus.try_lease(device, &note) {
                Ok(true) => taken.push(device),
                other => {
                    for device in taken {
                        self.gpus.release(device).map_err(to_sql)?;
                    }
                    leased.insert(device.clone());
                    return Ok(other.err().map(Err));
                }
            }
        }
        insert(self.db, &record)?;
        leased.extend(chosen);
        Ok(Some(Ok(grant)))
    }

    fn forget(&self, number: i64) -> rusqlite::Result<()> {
        self.db.prepare_cached("DELETE FROM waiting WHERE number = ?")?.execute([number])?;
        Ok(())
    }

    fn count(&self, overtaken: &BTreeMap<i64, u32>) -> rusqlite::Result<()> {
        let sql = "UPDATE waiting SET overtaken = ?1 WHERE number = ?2 AND overtaken < ?1";
        let mut statement = self.db.prepare_cached(sql)?;
        for (number, times) in overtaken.iter().filter(|(_, times)| **times > 0) {
            statement.execute(params![times, number])?;
        }
        Ok(())
    }
}

/// Reads the queue, without the requests of schedulers that fell silent, and what is held.
pub(super) fn load(
    db: &Connection,
    now: f64,
    lock: &str,
) -> rusqlite::Result<(Queue<Entry>, Amount)> {
    let sql = "SELECT number, task, unit, attempt, lock = ?1, priority, share, place, gpus, cpus,
                 memory, weight, overtaken
               FROM waiting WHERE lock = ?1 OR seen > ?2";
    let request = |row: &Row<'_>| {
        let task: String = row.get(1)?;
        let item = Entry {
            number: row.get(0)?,
            task: TaskId::new(task).map_err(to_sql)?,
            unit: row.get(2)?,
            attempt: row.get(3)?,
            own: row.get(4)?,
        };
        let need = Amount {
            gpus: row.get(8)?,
            cpus: row.get(9)?,
            memory: row.get::<_, i64>(10)?.max(0).cast_unsigned(),
        };
        Ok(Request {
            priority: row.get(5)?,
            share: row.get(6)?,
            order: row.get::<_, i64>(7)?.cast_unsigned(),
            need,
            weight: row.get(11)?,
            overtaken: row.get(12)?,
            item,
        })
    };
    let waiting: Vec<_> = db
        .prepare_cached(sql)?
        .query_map(params![lock, now - SILENCE], request)?
        .collect::<rusqlite::Result<_>>()?;
    let mut held = Amount::default();
    let mut holdings = Vec::new();
    for lease in all(db)? {
        let gpus = u32::try_from(lease.grant.gpus.len()).unwrap_or(u32::MAX);
        let amount = Amount { gpus, cpus: lease.grant.cpus, memory: lease.grant.memory };
        held = held.plus(&amount);
        let (share, weight, since) = (lease.share, lease.weight, lease.since);
        holdings.push(Holding { share, amount, weight, since });
    }
    let used = db
        .prepare_cached("SELECT name, used FROM share")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok((Queue::restore(waiting, holdings, used), held))
}
