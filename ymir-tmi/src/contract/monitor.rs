use super::OutDir;

/// The most bytes of the monitor file that are read.
const MAX_MONITOR: u64 = 64 << 10;

/// The most characters of its message that are kept.
const MAX_MESSAGE: usize = 4096;

/// The state that an executor says it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MonitorState {
    /// 1: not begun.
    Pending,
    /// 2: at work.
    Running,
    /// 3: done.
    Done,
    /// 4: failed.
    Error,
}

/// What the monitor file of an executor says.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// When it was written, in Unix seconds.
    pub time: f64,
    /// How much is done, 0 to 1.
    pub fraction: f64,
    /// The state.
    pub state: MonitorState,
    /// The return code, where the executor gives one.
    pub return_code: Option<i64>,
    /// The message of the first line, else the text of the lines after it; may be empty.
    pub message: String,
}

impl Monitor {
    /// Returns what a monitor file says; nothing if it is empty, half written or malformed.
    ///
    /// A fraction beyond 0 to 1 is brought to its nearer end. Bytes that are no UTF-8 are replaced,
    /// and a message is cut at 4096 characters.
    ///
    /// ```
    /// use ymir_tmi::contract::Monitor;
    ///
    /// let monitor = Monitor::parse(b"t1\t1663934682\t0.25\t2\nepoch 5").unwrap();
    /// assert_eq!((monitor.fraction, monitor.message.as_str()), (0.25, "epoch 5"));
    /// assert_eq!(Monitor::parse(b"t1\t16639"), None);
    /// ```
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (line, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let mut fields = line.trim_end_matches('\r').splitn(6, '\t');
        let (task, time) = (fields.next()?, fields.next()?.trim().parse::<f64>().ok()?);
        let fraction = fields.next()?.trim().parse::<f64>().ok()?;
        if task.trim().is_empty() || !time.is_finite() || fraction.is_nan() {
            return None;
        }
        let state = match fields.next()?.trim() {
            "1" => MonitorState::Pending,
            "2" => MonitorState::Running,
            "3" => MonitorState::Done,
            "4" => MonitorState::Error,
            _ => return None,
        };
        let return_code = fields.next().and_then(|code| code.trim().parse().ok());
        let message = fields.next().map(str::trim).filter(|message| !message.is_empty());
        let message = message.unwrap_or_else(|| rest.trim()).chars().take(MAX_MESSAGE).collect();
        Some(Self { time, fraction: fraction.clamp(0.0, 1.0), state, return_code, message })
    }
}

/// Follows the monitor file of a task, and keeps the last good value.
#[derive(Debug, Default)]
pub struct MonitorReader {
    bytes: Vec<u8>,
    last: Option<Monitor>,
}

impl MonitorReader {
    /// Returns the last good value.
    pub fn last(&self) -> Option<&Monitor> {
        self.last.as_ref()
    }

    /// Takes the content of the file, and returns its value if that is good and new.
    pub fn update(&mut self, bytes: &[u8]) -> Option<&Monitor> {
        if self.bytes == bytes {
            return None;
        }
        self.bytes = bytes.to_owned();
        let monitor = Monitor::parse(bytes)?;
        if self.last.as_ref() == Some(&monitor) {
            return None;
        }
        self.last = Some(monitor);
        self.last.as_ref()
    }

    /// Reads `/out/monitor.txt`. What cannot be read counts as nothing new.
    pub(crate) fn poll(&mut self, out: &OutDir) -> Option<&Monitor> {
        use std::io::Read;
        // A long traceback is cut, not refused.
        let (file, _) = out.file("monitor.txt").ok()??;
        let mut bytes = Vec::new();
        file.take(MAX_MONITOR).read_to_end(&mut bytes).ok()?;
        self.update(&bytes)
    }
}
