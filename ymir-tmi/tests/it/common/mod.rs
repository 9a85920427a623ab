/// Makes a test of each function of the runtimes' conformance suite. `$suite` is an async function
/// that returns the suite, or nothing where the runtime is not to be had here.
macro_rules! conformance {
    ($suite:path: $($name:ident),+ $(,)?) => {$(
        #[tokio::test]
        async fn $name() {
            if let Some(suite) = $suite().await {
                ymir_testkit::conformance::runtime::$name(&suite).await;
            }
        }
    )+};
    ($suite:path) => {
        conformance! { $suite:
            crash, created_and_started_once, drop_leaves_it_running, end_ends_children,
            ended_run_is_followed, environment_is_passed, exit_code, foreign_bytes_are_replaced,
            foreign_executor, foreign_position, handle_is_data, input_is_read_only, inspect,
            inspect_malformed, layout_is_what_the_executor_sees, logs_are_given_once,
            logs_resume_at_every_line, logs_resume_while_it_runs, logs_stream_while_it_runs,
            long_line_is_cut, long_logs_are_complete, missing_executor, other_digest_is_refused,
            remove_ends_it, removed_run_is_gone, runs_are_listed_and_ended,
            second_instance_follows_and_stops, side_by_side, states, stop_ends_children,
            stop_is_heard, stop_kills_the_deaf, success, wait_again,
        }
    };
}
