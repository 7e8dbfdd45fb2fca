"""What is counted and measured, by names as Prometheus has them.

Under gunicorn the processes keep their numbers in files of one directory, and whichever is asked
adds them up; elsewhere a process knows its own only. What the database knows, like jobs, is asked
there: see services/metrics_service.py.
"""

from prometheus_client import Counter, Gauge, Histogram

REQUEST_SECONDS_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
RELAY_SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

# Requests
REQUESTS = Counter(
    "stint_http_requests",
    "Requests answered; sockets are not among them.",
    ["method", "route", "status"],
)
REQUEST_SECONDS = Histogram(
    "stint_http_request_seconds",
    "From the head of a request to its answer.",
    ["method", "route"],
    buckets=REQUEST_SECONDS_BUCKETS,
)
PROBLEMS = Counter(
    "stint_http_problems", "Answers that say what went wrong, by their code.", ["code", "status"]
)

# The database
TRANSACTIONS_RETRIED = Counter(
    "stint_transactions_retried", "Transactions begun anew after a deadlock or the like."
)

# Live
EVENTS = Counter("stint_events", "Events committed to the log by requests.", ["type"])
WAKE_UPS = Counter("stint_wake_ups", "Messages that came over the bus, each with some hints.")
DELIVERIES = Counter("stint_deliveries", "Sends to sockets, each with all that was new in a room.")
RELAY_SECONDS = Histogram(
    "stint_relay_seconds",
    "From an event's place in the log to the sockets of a process.",
    buckets=RELAY_SECONDS_BUCKETS,
)
MESSAGES_REFUSED = Counter(
    "stint_socket_messages_refused", "Messages of clients that were not followed.", ["code"]
)
SOCKETS_CLOSED = Counter("stint_sockets_closed", "Sockets that are over.", ["code"])

# What each process writes down every few seconds; processes that ended count no more.
REQUESTS_IN_FLIGHT = Gauge(
    "stint_http_requests_in_flight", "Requests without an answer yet.", multiprocess_mode="livesum"
)
POOL_SIZE = Gauge(
    "stint_pool_connections", "Most database connections at once.", multiprocess_mode="livesum"
)
POOL_IN_USE = Gauge(
    "stint_pool_connections_in_use", "Database connections that work.", multiprocess_mode="livesum"
)
SOCKETS = Gauge("stint_sockets", "Sockets open.", multiprocess_mode="livesum")
ROOMS = Gauge("stint_rooms", "Rooms followed, once for each process.", multiprocess_mode="livesum")
SOCKET_QUEUE_BYTES = Gauge(
    "stint_socket_queue_bytes_max",
    "What waits for the slowest reader.",
    multiprocess_mode="livemax",
)
BUS_CONNECTED = Gauge(
    "stint_bus_connected",
    "1 while all processes hear each other.",
    multiprocess_mode="livemin",
)
LOOP_DELAY_SECONDS = Gauge(
    "stint_loop_delay_seconds",
    "How late the event loop of the slowest process came to what was due.",
    multiprocess_mode="livemax",
)
RESIDENT_BYTES = Gauge("stint_resident_bytes", "Memory of a process.", multiprocess_mode="liveall")
LOOPS_FAILED = Counter(
    "stint_loops_failed", "Turns of work in the background that failed.", ["loop"]
)
