"""Every public module and name that programs written for Celery 5.7 import."""

from __future__ import annotations

from importlib import import_module
from operator import attrgetter

import pytest

#: Names by module, those of sub-packages included. A dotted name is an attribute of a name.
PUBLIC = {
    # -- the package itself
    "celery": """
        Celery bugreport shared_task Task current_app current_task maybe_signature Signature
        signature subtask chain chord chunks group xmap xstarmap uuid
        __version__ VERSION version_info version_info_t SERIES VERSION_BANNER __author__
        __contact__ __homepage__ __docformat__ maybe_patch_concurrency
        local signals states schedules canvas result exceptions
        current_app._get_current_object current_task._get_current_object
        """,
    "celery.__main__": "main",
    "celery.registry": "tasks",
    "celery.execute": "send_task",
    "celery.log": "get_default_logger setup_logging_subsystem redirect_stdouts_to_logger",
    "celery.messaging": "TaskConsumer establish_connection get_consumer_set",
    # -- application
    "celery.app": """
        Celery AppPickler app_or_default default_app bugreport enable_trace disable_trace
        shared_task push_current_task pop_current_task
        """,
    "celery.app.base": """
        Celery App PendingConfiguration BUILTIN_FIXUPS app_has_custom pydantic_wrapper
        """,
    "celery.app.task": "Task Context BaseTask get_actual_ignore_result",
    "celery.app.registry": """
        TaskRegistry TaskRegistry.NotRegistered TaskRegistry.register TaskRegistry.unregister
        TaskRegistry.regular TaskRegistry.periodic TaskRegistry.filter_types
        """,
    "celery.app.control": "Control Inspect flatten_reply",
    "celery.app.amqp": "AMQP Queues task_message",
    "celery.app.log": "Logging TaskFormatter",
    "celery.app.defaults": """
        Option NAMESPACES flatten find DEFAULTS SETTING_KEYS Namespace DEFAULT_PROCESS_LOG_FMT
        DEFAULT_TASK_LOG_FMT DEFAULT_SECURITY_DIGEST DEFAULT_ACCEPT_CONTENT find_deprecated_settings
        """,
    "celery.app.utils": """
        Settings appstr bugreport filter_hidden_settings find_app sanitize_url detect_settings
        AppPickler
        """,
    "celery.app.routes": "MapRoute Router prepare expand_router_string",
    "celery.app.annotations": "MapAnnotation prepare resolve_all",
    "celery.app.trace": """
        TraceInfo build_tracer trace_task setup_worker_optimizations reset_worker_optimizations
        task_has_custom trace_task_ret fast_trace_task trace_ok_t report_internal_error
        get_log_policy LOG_RECEIVED LOG_SUCCESS LOG_FAILURE LOG_INTERNAL_ERROR LOG_IGNORED
        LOG_REJECTED LOG_RETRY IGNORE_STATES
        """,
    "celery.app.autoretry": "add_autoretry_behaviour",
    "celery.app.backends": "by_name by_url BACKEND_ALIASES",
    "celery.app.builtins": """
        add_backend_cleanup_task add_accumulate_task add_unlock_chord_task add_map_task
        add_starmap_task add_chunk_task add_group_task add_chain_task add_chord_task
        """,
    "celery.app.events": "Events",
    "celery._state": """
        set_default_app get_current_app get_current_task get_current_worker_task current_app
        current_task connect_on_app_finalize app_or_default task_join_will_block enable_trace
        disable_trace default_app _task_stack _set_current_app _set_task_join_will_block
        """,
    "celery.local": """
        Proxy PromiseProxy try_import maybe_evaluate class_property reclassmethod recreate_module
        """,
    # -- work-flow, results, time
    "celery.canvas": """
        Signature chain xmap xstarmap chunks group chord signature maybe_signature StampingVisitor
        subtask maybe_subtask _chain _chord maybe_unroll_group task_name_from
        """,
    "celery.result": """
        ResultBase AsyncResult ResultSet GroupResult EagerResult result_from_tuple
        allow_join_result denied_join_result assert_will_not_block
        """,
    "celery.states": """
        PENDING RECEIVED STARTED SUCCESS FAILURE REVOKED REJECTED RETRY IGNORED READY_STATES
        UNREADY_STATES EXCEPTION_STATES PROPAGATE_STATES ALL_STATES precedence PRECEDENCE
        PRECEDENCE_LOOKUP NONE_PRECEDENCE state
        """,
    "celery.exceptions": """
        CeleryError ImproperlyConfigured SecurityError OperationalError TaskPredicate Ignore Reject
        Retry RetryTaskError TaskError QueueNotFound IncompleteStream NotRegistered
        AlreadyRegistered TimeoutError MaxRetriesExceededError TaskRevokedError InvalidTaskError
        ChordError BackendError BackendGetMetaError BackendStoreError SoftTimeLimitExceeded
        TimeLimitExceeded WorkerLostError Terminated WorkerShutdown WorkerTerminate SystemTerminate
        CeleryCommandException reraise CeleryWarning AlwaysEagerIgnored DuplicateNodenameWarning
        DuplicateTaskNameWarning FixupWarning NotConfigured SecurityWarning CDeprecationWarning
        CPendingDeprecationWarning
        """,
    "celery.signals": """
        before_task_publish after_task_publish task_internal_error task_prerun task_postrun
        task_success task_received task_rejected task_unknown task_retry task_failure task_revoked
        celeryd_init celeryd_after_setup worker_init worker_before_create_process
        worker_process_init worker_process_shutdown worker_ready worker_shutdown
        worker_shutting_down heartbeat_sent setup_logging after_setup_logger
        after_setup_task_logger beat_init beat_embedded_init eventlet_pool_started
        eventlet_pool_preshutdown eventlet_pool_postshutdown eventlet_pool_apply import_modules
        task_sent user_preload_options
        """,
    "celery.schedules": """
        ParseException schedule crontab crontab_parser maybe_schedule solar BaseSchedule schedstate
        cronfield
        """,
    "celery.bootsteps": """
        Blueprint Step StartStopStep ConsumerStep RUN CLOSE TERMINATE StepType
        """,
    # -- worker
    "celery.worker": "WorkController",
    "celery.worker.worker": "WorkController",
    "celery.worker.consumer": """
        Consumer Agent Connection Control Events Gossip Heart Mingle Tasks
        """,
    "celery.worker.consumer.consumer": "Consumer Evloop dump_body",
    "celery.worker.consumer.agent": "Agent",
    "celery.worker.consumer.connection": "Connection",
    "celery.worker.consumer.control": "Control",
    "celery.worker.consumer.events": "Events",
    "celery.worker.consumer.gossip": "Gossip",
    "celery.worker.consumer.heart": "Heart",
    "celery.worker.consumer.mingle": "Mingle",
    "celery.worker.consumer.tasks": "Tasks",
    "celery.worker.consumer.delayed_delivery": "DelayedDelivery",
    "celery.worker.components": "Timer Hub Pool Beat StateDB Consumer",
    "celery.worker.control": """
        Panel control_command inspect_command ok nok controller_info_t
        active active_queues add_consumer autoscale cancel_consumer clock conf disable_events
        election enable_events heartbeat hello memdump memsample objgraph ping pool_grow
        pool_restart pool_shrink query_task rate_limit registered report reserved revoke
        revoke_by_stamped_headers revoked scheduled shutdown stats terminate time_limit
        """,
    "celery.worker.request": "Request create_request_cls",
    "celery.worker.strategy": "default hybrid_to_proto2 proto1_to_proto2",
    "celery.worker.state": """
        SOFTWARE_INFO reserved_requests active_requests scheduled_requests total_count revoked
        task_reserved task_scheduled task_accepted task_ready maybe_shutdown merge_revoked
        Persistent requests all_total_count revoked_stamps successful_requests should_stop
        should_terminate reset_state REVOKES_MAX REVOKE_EXPIRES SUCCESSFUL_MAX SUCCESSFUL_EXPIRES
        """,
    "celery.worker.autoscale": "Autoscaler WorkerComponent",
    "celery.worker.heartbeat": "Heart",
    "celery.worker.loops": "asynloop synloop",
    "celery.worker.pidbox": "Pidbox gPidbox",
    "celery.concurrency": "get_implementation get_available_pool_names ALIASES",
    "celery.concurrency.base": "BasePool apply_target",
    "celery.concurrency.prefork": "TaskPool process_initializer process_destructor",
    "celery.concurrency.solo": "TaskPool",
    "celery.concurrency.thread": "TaskPool",
    "celery.concurrency.asynpool": "AsynPool",
    "celery.apps.worker": "Worker",
    "celery.bin.celery": "celery main",
    "celery.bin.base": """
        CeleryCommand CeleryOption CeleryDaemonCommand DaemonOption CLIContext CommaSeparatedList
        JsonArray JsonObject ISO8601DateTime ISO8601DateTimeOrFloat LogLevel handle_preload_options
        """,
    "celery.bin.worker": "worker",
    "celery.bin.control": "status inspect control",
    "celery.bin.shell": "shell",
    "celery.bin.call": "call",
    "celery.bin.result": "result",
    "celery.bin.purge": "purge",
    "celery.bin.list": "list_",
    "celery.platforms": """
        EX_OK EX_FAILURE EX_UNAVAILABLE EX_USAGE SYSTEM IS_macOS IS_WINDOWS pyimplementation
        LockFailed Pidfile create_pidlock close_open_fds DaemonContext detached parse_uid parse_gid
        setgid setuid maybe_drop_privileges signals signal_name set_process_title
        set_mp_process_title get_errno_name ignore_errno fd_by_path isatty check_privileges
        """,
    # -- events, backends, loaders, contrib, security
    "celery.events": """
        Event EventDispatcher EventReceiver event_exchange get_exchange group_from
        """,
    "celery.events.event": "Event event_exchange get_exchange group_from",
    "celery.events.dispatcher": "EventDispatcher",
    "celery.events.receiver": "EventReceiver",
    "celery.events.state": """
        Worker Task State heartbeat_expires HEARTBEAT_EXPIRE_WINDOW HEARTBEAT_DRIFT_MAX
        TASK_EVENT_TO_STATE
        """,
    "celery.events.snapshot": "Polaroid evcam",
    "celery.events.dumper": "Dumper evdump",
    "celery.backends.base": """
        BaseBackend KeyValueStoreBackend DisabledBackend Backend BaseDictBackend SyncBackendMixin
        BaseKeyValueStoreBackend pending_results_t get_current_task
        """,
    "celery.backends.asynchronous": "AsyncBackendMixin BaseResultConsumer Drainer register_drainer",
    "celery.backends.redis": "RedisBackend SentinelBackend ResultConsumer",
    "celery.backends.rpc": "RPCBackend BacklogLimitExceeded",
    "celery.backends.cache": "CacheBackend",
    "celery.backends.database": "DatabaseBackend",
    "celery.backends.database.models": "Task TaskExtended TaskSet",
    "celery.backends.database.session": "SessionManager ResultModelBase",
    "celery.backends.filesystem": "FilesystemBackend",
    "celery.loaders": "get_loader_cls LOADER_ALIASES",
    "celery.loaders.base": "BaseLoader autodiscover_tasks find_related_module",
    "celery.loaders.app": "AppLoader",
    "celery.loaders.default": "Loader",
    "celery.fixups.django": "DjangoFixup DjangoWorkerFixup fixup",
    "celery.contrib.abortable": "AbortableTask AbortableAsyncResult ABORTED",
    "celery.contrib.migrate": """
        StopFiltering State State.count State.filtered State.total_apx State.strtotal republish
        migrate_task migrate_tasks move task_id_eq task_id_in start_filter move_task_by_id
        move_by_idmap move_by_taskmap move_direct move_direct_by_id
        """,
    "celery.contrib.rdb": "Rdb set_trace debugger CELERY_RDB_HOST CELERY_RDB_PORT DEFAULT_PORT",
    "celery.contrib.pytest": """
        celery_session_app celery_session_worker celery_config celery_parameters
        celery_worker_parameters celery_enable_logging celery_includes celery_worker_pool
        use_celery_app_trap celery_class_tasks celery_app celery_worker depends_on_current_app
        NO_WORKER
        """,
    "celery.contrib.testing.app": """
        TestApp Trap UnitLogging set_trap setup_default_app DEFAULT_TEST_CONFIG
        """,
    "celery.contrib.testing.worker": """
        start_worker TestWorkController TestWorkController.ensure_started setup_app_for_worker
        test_worker_starting test_worker_started test_worker_stopped
        """,
    "celery.contrib.testing.manager": "Sentinel ManagerMixin Manager",
    "celery.contrib.testing.mocks": "TaskMessage TaskMessage1 task_message_from_sig ContextMock",
    "celery.contrib.testing.tasks": "ping",
    "celery.security": "setup_security disable_untrusted_serializers",
    "celery.security.certificate": "Certificate CertStore FSCertStore",
    "celery.security.key": "PrivateKey",
    "celery.security.serialization": "SecureSerializer register_auth",
    "celery.security.utils": "get_digest_algorithm reraise_errors",
    # -- utilities
    "celery.utils": """
        LOG_LEVELS cached_property chunks gen_task_name gen_unique_id uuid get_cls_by_name
        get_full_cls_name import_from_cwd instantiate memoize nodename nodesplit noop worker_direct
        """,
    "celery.utils.log": """
        get_task_logger get_logger ColorFormatter LoggingProxy base_logger set_in_sighandler
        in_sighandler mlevel get_multiprocessing_logger reset_multiprocessing_logger LOG_LEVELS
        task_logger worker_logger iter_open_logger_fds
        """,
    "celery.utils.time": """
        LocalTimezone timezone timezone.utc timezone.local timezone.to_local timezone.to_system
        timezone.get_timezone timezone.tz_or_local maybe_timedelta delta_resolution remaining rate
        weekday humanize_seconds maybe_iso8601 is_naive make_aware localize to_utc maybe_make_aware
        ffwd utcoffset adjust_timestamp get_exponential_backoff_interval add_seconds_to_datetime
        subtract_datetimes
        """,
    "celery.utils.functional": """
        LRUCache is_list maybe_list memoize mlazy noop first firstmethod chunks padlist mattrgetter
        uniq regen dictfilter lazy maybe_evaluate head_from_fun maybe fun_accepts_kwargs
        """,
    "celery.utils.collections": """
        AttributeDict AttributeDictMixin BufferMap ChainMap ConfigurationView DictAttribute
        Evictable LimitedSet Messagebuffer OrderedDict force_mapping lpmerge
        """,
    "celery.utils.imports": """
        NotAPackage qualname instantiate symbol_by_name cwd_in_path find_module import_from_cwd
        reload_from_cwd module_file gen_task_name load_extension_class_names load_extension_classes
        """,
    "celery.utils.nodenames": """
        worker_direct gethostname nodename anon_nodename nodesplit default_nodename node_format
        host_format
        """,
    "celery.utils.serialization": """
        UnpickleableExceptionWrapper subclass_exception find_pickleable_exception
        create_exception_cls get_pickleable_exception get_pickleable_etype get_pickled_exception
        strtobool b64encode b64decode jsonify raise_with_context ensure_serializable
        """,
    "celery.utils.dispatch": "Signal",
    "celery.utils.text": """
        abbr abbrtask dedent dedent_initial ensure_newlines ensure_sep fill_paragraphs
        indent join pluralize pretty simple_format str_to_list truncate remove_repeating_from_task
        """,
    "celery.utils.threads": "bgThread Local LocalStack LocalManager default_socket_timeout",
    "celery.utils.timer2": "Timer Entry Schedule to_timestamp",
    "celery.utils.graph": "DOT DependencyGraph GraphFormatter CycleError",
    "celery.utils.saferepr": "saferepr reprstream",
    "celery.utils.term": "colored",
    "celery.utils.iso8601": "parse_iso8601",
    "celery.utils.objects": "Bunch FallbackContext mro_lookup getitem_property",
    "celery.utils.abstract": "CallableTask CallableSignature",
    "celery.utils.debug": "blockdetection sample_mem memdump cry sample humanbytes mem_rss ps",
    "celery.utils.sysinfo": "load_average df",
    "celery.utils.deprecated": "Callable Property warn",
    "celery.utils.static": "get_file logo",
    "celery.utils.quorum_queues": "detect_quorum_queues",
}

#: What gone modules of older versions must not come back as.
GONE = [
    "celery.task",
    "celery.decorators",
    "celery.five",
    "celery.utils.compat",
    "celery.worker.job",
    "celery.app.abstract",
]


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names(module: str) -> None:
    imported = import_module(module)
    missing = []
    for name in PUBLIC[module].split():
        try:
            attrgetter(name)(imported)
        except AttributeError:
            missing.append(name)
    assert not missing


@pytest.mark.parametrize("module", GONE)
def test_gone(module: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        import_module(module)
