//! The conformance suite of [`AssetStore`]: one function per sentence of its documentation.
//!
//! Each takes an empty store and panics where the store does not keep to the documentation.
//! [`asset_store_tests!`](crate::asset_store_tests) turns all of them into tests,
//! [`run_all`] runs them one after the other.

mod blobs;
mod classes;
mod commits;
mod fixture;
mod lineage;
mod queries;
mod reads;
mod scans;
mod versions;

use std::sync::Arc;

use ymir_core::AssetStore;

pub use blobs::*;
pub use classes::*;
pub use commits::*;
pub use lineage::*;
pub use queries::*;
pub use reads::*;
pub use scans::*;
pub use versions::*;

/// Runs the whole suite, each function on an empty store of its own.
pub async fn run_all(make: impl Fn() -> Arc<dyn AssetStore>) {
    branches_are_sorted_by_name(make()).await;
    a_log_has_the_newest_first(make()).await;
    a_log_is_read_in_pages(make()).await;
    work_is_found_by_its_fingerprint(make()).await;
    work_is_found_by_its_task(make()).await;
    a_selector_finds_its_version(make()).await;
    a_missing_branch_is_not_found(make()).await;
    a_missing_version_is_not_found(make()).await;
    a_manifest_comes_back_whole(make()).await;
    a_manifest_keeps_the_classes_of_its_time(make()).await;
    records_come_back_exactly(make()).await;
    an_empty_commit_is_a_version(make()).await;
    edits_are_applied_in_order(make()).await;
    versions_are_immutable(make()).await;
    each_base_is_what_it_says(make()).await;
    equal_records_have_equal_content(make()).await;
    a_summary_counts_the_records(make()).await;
    a_branch_expected_to_be_new_must_be(make()).await;
    an_expected_tip_must_be_the_tip(make()).await;
    a_missing_base_is_not_found(make()).await;
    invalid_annotations_are_refused(make()).await;
    an_error_of_the_edits_is_returned(make()).await;
    classes_can_be_added_before_a_commit_ends(make()).await;
    edits_may_be_made_of_what_the_store_has(make()).await;
    concurrent_commits_are_all_kept(make()).await;
    one_of_several_expectations_is_met(make()).await;
    a_class_outside_the_table_is_kept_by_name(make()).await;
    records_are_found_in_the_order_asked(make()).await;
    pages_are_runs_of_the_sorted_records(make()).await;
    a_page_past_the_end_is_empty(make()).await;
    a_page_of_a_class_has_only_its_assets(make()).await;
    queries_find_what_is_true(make()).await;
    a_query_is_answered_in_parts(make()).await;
    what_a_query_cannot_mean_is_refused(make()).await;
    a_scan_has_the_records_in_order(make()).await;
    a_scan_has_the_columns_asked_for(make()).await;
    a_scan_tells_chunks(make()).await;
    a_scan_that_cannot_be_is_refused(make()).await;
    a_diff_has_every_change_in_order(make()).await;
    a_diff_goes_on_after_an_id(make()).await;
    classes_are_numbered_from_zero(make()).await;
    a_known_class_keeps_its_id_and_gains_aliases(make()).await;
    invalid_classes_change_nothing(make()).await;
    concurrent_classes_are_all_kept(make()).await;
    classes_may_differ_by_case(make()).await;
    a_renamed_class_is_the_same_class(make()).await;
    a_retired_class_stays_in_the_table(make()).await;
    class_edits_are_made_all_or_none(make()).await;
    blobs_come_back_in_order(make()).await;
    blobs_can_be_put_again(make()).await;
    a_missing_source_is_not_found(make()).await;
    a_missing_blob_is_not_found(make()).await;
    blobs_are_exported_as_files(make()).await;
    capabilities_tell_what_works(make()).await;
    an_export_does_not_overwrite(make()).await;
}

/// Makes a test of each function of the suite.
///
/// The argument names a function `fn() -> Arc<dyn AssetStore>` that returns an empty store. The
/// calling crate needs `tokio` with the features `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! asset_store_tests {
    ($make:path) => {
        $crate::asset_store_tests! { $make:
            branches_are_sorted_by_name
            a_log_has_the_newest_first
            a_log_is_read_in_pages
            work_is_found_by_its_fingerprint
            work_is_found_by_its_task
            a_selector_finds_its_version
            a_missing_branch_is_not_found
            a_missing_version_is_not_found
            a_manifest_comes_back_whole
            a_manifest_keeps_the_classes_of_its_time
            records_come_back_exactly
            an_empty_commit_is_a_version
            edits_are_applied_in_order
            versions_are_immutable
            each_base_is_what_it_says
            equal_records_have_equal_content
            a_summary_counts_the_records
            a_branch_expected_to_be_new_must_be
            an_expected_tip_must_be_the_tip
            a_missing_base_is_not_found
            invalid_annotations_are_refused
            an_error_of_the_edits_is_returned
            classes_can_be_added_before_a_commit_ends
            edits_may_be_made_of_what_the_store_has
            concurrent_commits_are_all_kept
            one_of_several_expectations_is_met
            a_class_outside_the_table_is_kept_by_name
            records_are_found_in_the_order_asked
            pages_are_runs_of_the_sorted_records
            a_page_past_the_end_is_empty
            a_page_of_a_class_has_only_its_assets
            queries_find_what_is_true
            a_query_is_answered_in_parts
            what_a_query_cannot_mean_is_refused
            a_scan_has_the_records_in_order
            a_scan_has_the_columns_asked_for
            a_scan_tells_chunks
            a_scan_that_cannot_be_is_refused
            a_diff_has_every_change_in_order
            a_diff_goes_on_after_an_id
            classes_are_numbered_from_zero
            a_known_class_keeps_its_id_and_gains_aliases
            invalid_classes_change_nothing
            concurrent_classes_are_all_kept
            classes_may_differ_by_case
            a_renamed_class_is_the_same_class
            a_retired_class_stays_in_the_table
            class_edits_are_made_all_or_none
            blobs_come_back_in_order
            blobs_can_be_put_again
            a_missing_source_is_not_found
            a_missing_blob_is_not_found
            blobs_are_exported_as_files
            capabilities_tell_what_works
            an_export_does_not_overwrite
        }
    };
    ($make:path: $($test:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            $crate::conformance::asset_store::$test($make()).await;
        }
    )*};
}
