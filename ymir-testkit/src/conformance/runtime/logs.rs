use futures::StreamExt;
use ymir_core::{EndCause, ErrorKind, LogPosition, LogSource};

use super::suite::{RuntimeSuite, attach, ended, in_time, lines, rest, texts};

/// Lines arrive while the executor runs, those of one source in order, to the last.
pub async fn logs_stream_while_it_runs(suite: &RuntimeSuite) {
    let case = suite
        .case(
            "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done\n\
             while [ ! -e $OUT/go ]; do sleep 0.05; done\n\
             echo last",
        )
        .await;
    let run = case.follow().await;
    let mut stream = run.logs();
    let mut lines = Vec::new();
    while lines.len() < 10 {
        let next = in_time(stream.next()).await.expect("the executor still runs");
        lines.push(next.expect("the log can be read").line);
    }
    let numbered = |name: &str| (1..=5).map(|i| format!("{name} {i}")).collect::<Vec<_>>();
    assert_eq!(texts(&lines, LogSource::Stdout), numbered("out"));
    assert_eq!(texts(&lines, LogSource::Stderr), numbered("err"));
    std::fs::write(case.out("go"), "").expect("a file");
    let rest: Vec<_> = in_time(stream.collect::<Vec<_>>()).await;
    let rest: Vec<_> = rest.into_iter().map(|line| line.expect("a line").line).collect();
    assert_eq!(texts(&rest, LogSource::Stdout), ["last"]);
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(ended(run.as_ref()).await.exit_code, Some(0));
    case.clean().await;
}

/// Much output comes whole and in order, and the last line needs no line end.
pub async fn long_logs_are_complete(suite: &RuntimeSuite) {
    let case = suite.case("seq 1 20000\nprintf unfinished").await;
    let (end, lines) = case.run().await;
    assert_eq!(end.cause, EndCause::Exited);
    let lines = texts(&lines, LogSource::Stdout);
    assert_eq!(lines.len(), 20001);
    for (i, line) in lines[..20000].iter().enumerate() {
        assert_eq!(*line, (i + 1).to_string());
    }
    assert_eq!(lines[20000], "unfinished");
}

/// A line longer than 64 KiB is cut there; the next one is whole.
pub async fn long_line_is_cut(suite: &RuntimeSuite) {
    let case = suite.case("head -c 200000 /dev/zero | tr '\\0' x\necho\necho after").await;
    let (_, lines) = case.run().await;
    let lines = texts(&lines, LogSource::Stdout);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].len(), 64 << 10);
    assert!(lines[0].bytes().all(|byte| byte == b'x'));
    assert_eq!(lines[1], "after");
}

/// Bytes that are no UTF-8 are replaced; empty lines are lines.
pub async fn foreign_bytes_are_replaced(suite: &RuntimeSuite) {
    let case = suite.case("printf 'a\\377b\\n\\nc\\r\\n'").await;
    let (_, lines) = case.run().await;
    assert_eq!(texts(&lines, LogSource::Stdout), ["a\u{fffd}b", "", "c"]);
}

/// The log can be taken once from each that follows; nobody has to take it.
pub async fn logs_are_given_once(suite: &RuntimeSuite) {
    let case = suite.case("seq 1 50000; echo done > $OUT/done").await;
    let run = case.follow().await;
    assert_eq!(ended(run.as_ref()).await.exit_code, Some(0));
    assert!(case.out("done").exists());
    let first = lines(&rest(run.as_ref()).await);
    assert_eq!(texts(&first, LogSource::Stdout).first(), Some(&"1"));
    assert_eq!(rest(run.as_ref()).await, []);
    case.clean().await;
}

/// The log of a run that has ended goes on behind any of its lines: none is lost, none comes twice.
pub async fn logs_resume_at_every_line(suite: &RuntimeSuite) {
    let script = "for i in 1 2 3 4 5 6; do echo out $i; echo err $i >&2; done\n\
                  head -c 200000 /dev/zero | tr '\\0' x; echo; echo; echo after; printf rest";
    let case = suite.case(script).await;
    let handle = case.start().await;
    let whole = rest(attach(case.runtime.as_ref(), &handle, None).await.as_ref()).await;
    assert_eq!(whole.len(), 16);
    for (i, line) in whole.iter().enumerate() {
        let run = attach(suite.second.as_ref(), &handle, Some(&line.position)).await;
        let resumed = lines(&rest(run.as_ref()).await);
        let expected = lines(&whole[i + 1..]);
        for source in [LogSource::Stdout, LogSource::Stderr] {
            assert_eq!(texts(&resumed, source), texts(&expected, source), "behind {line:?}");
        }
    }
    case.remove(&handle).await;
}

/// The log of a run that goes on is followed from where it was left, again and again.
pub async fn logs_resume_while_it_runs(suite: &RuntimeSuite) {
    if !suite.runtime.capabilities().survives {
        return;
    }
    let script = "for i in $(seq 1 400); do echo $i; echo $i >&2; [ $((i % 40)) = 0 ] && sleep 0.1; \
                  done; exit 0";
    let case = suite.case(script).await;
    let handle = case.start().await;
    let (mut all, mut position) = (Vec::new(), None);
    loop {
        let run = attach(suite.second.as_ref(), &handle, position.as_ref()).await;
        let some: Vec<_> = in_time(run.logs().take(97).collect::<Vec<_>>()).await;
        let some: Vec<_> = some.into_iter().map(|line| line.expect("a line")).collect();
        let Some(last) = some.last() else { break };
        position = Some(last.position.clone());
        all.extend(lines(&some));
    }
    let numbers: Vec<_> = (1..=400).map(|number| number.to_string()).collect();
    for source in [LogSource::Stdout, LogSource::Stderr] {
        assert_eq!(texts(&all, source), numbers);
    }
    case.remove(&handle).await;
}

/// A position of another kind of run is refused.
pub async fn foreign_position(suite: &RuntimeSuite) {
    let case = suite.case("echo hello").await;
    let handle = case.start().await;
    let position = LogPosition(serde_json::json!({ "stdout": [], "stderr": "x" }));
    let attached = suite.runtime.attach(&handle, Some(&position)).await;
    assert_eq!(attached.expect_err("it is none").kind(), ErrorKind::InvalidInput);
    case.remove(&handle).await;
}
