-- The statements of the embedded store. Lists of numbers are passed as JSON arrays.

-- ---- topology ------------------------------------------------------------------------------

-- name: find_queue
SELECT auto_delete, expires, used_at FROM queue WHERE name = :queue;

-- name: put_queue
INSERT INTO queue (name, auto_delete, expires, used_at)
VALUES (:queue, :auto_delete, :expires, :now)
ON CONFLICT (name) DO UPDATE SET
    auto_delete = excluded.auto_delete, expires = excluded.expires, used_at = excluded.used_at;

-- name: queue_bindings
SELECT exchange, type, queue, routing_key FROM binding WHERE queue = :queue;

-- name: exchange_bindings
SELECT type, queue, routing_key FROM binding WHERE exchange = :exchange;

-- name: all_bindings
SELECT queue, exchange, routing_key FROM binding ORDER BY queue, exchange, routing_key;

-- name: put_binding
INSERT INTO binding (exchange, type, queue, routing_key)
VALUES (:exchange, :type, :queue, :routing_key)
ON CONFLICT (exchange, queue, routing_key) DO UPDATE SET type = excluded.type;

-- name: drop_bindings
DELETE FROM binding WHERE queue = :queue;

-- name: drop_queue
DELETE FROM queue WHERE name = :queue;

-- name: use_queue
UPDATE queue SET used_at = :now WHERE name = :queue;

-- name: expired_queues
SELECT name FROM queue
WHERE expires IS NOT NULL AND used_at + expires < :now
    AND NOT EXISTS (SELECT 1 FROM consuming WHERE consuming.queue = queue.name);

-- name: is_abandoned
SELECT auto_delete AND NOT EXISTS (SELECT 1 FROM consuming WHERE queue = :queue)
FROM queue WHERE name = :queue;

-- ---- messages ------------------------------------------------------------------------------

-- name: publish
INSERT INTO message (queue, priority, lease, due, exchange, routing_key, meta, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: count_ready
SELECT count(*) FROM message WHERE queue = :queue AND lease = 0;

-- name: purge_ready
DELETE FROM message WHERE queue = :queue AND lease = 0;

-- name: purge_parked
DELETE FROM message WHERE queue = :queue AND lease = -1;

-- name: purge_leased
DELETE FROM message WHERE queue = :queue AND lease > 0;

-- name: has_ready
SELECT 1 FROM message WHERE queue = :queue AND lease = 0 LIMIT 1;

-- name: next_due
SELECT min(due) FROM message WHERE lease = -1;

-- name: ripen
UPDATE message SET lease = 0, due = NULL
WHERE id IN (SELECT id FROM message WHERE lease = -1 AND due <= :now LIMIT :limit);

-- name: peek
SELECT id, queue, exchange, routing_key, redelivered, deliveries, meta, body FROM message
WHERE queue = :queue AND lease = 0
ORDER BY priority DESC, id
LIMIT :limit;

-- name: hold
UPDATE message SET lease = :lease WHERE id IN (SELECT value FROM json_each(:ids));

-- name: finish
DELETE FROM message WHERE lease = :lease AND id IN (SELECT value FROM json_each(:ids));

-- name: requeue
UPDATE message
SET id = (SELECT max(id) FROM message) + 1, lease = 0, redelivered = 1,
    deliveries = deliveries + 1
WHERE id = :id AND lease = :lease;

-- name: park
UPDATE message SET lease = -1, due = :due WHERE id = :id AND lease = :lease;

-- name: give_back
UPDATE message SET lease = 0, redelivered = 1, deliveries = deliveries + :counted
WHERE lease = :lease;

-- ---- leases --------------------------------------------------------------------------------

-- name: take_lease
INSERT INTO lease (worker, seconds, renewed_at) VALUES (:worker, :seconds, :now);

-- name: find_lease
SELECT 1 FROM lease WHERE id = :lease;

-- name: renew_lease
UPDATE lease SET renewals = renewals + 1, renewed_at = :now WHERE id = :lease;

-- name: all_leases
SELECT id, worker, seconds, renewals, renewed_at FROM lease;

-- name: drop_lease
DELETE FROM lease WHERE id = :lease;

-- name: drop_dead_lease
DELETE FROM lease WHERE id = :lease AND renewals = :renewals;

-- name: start_consuming
INSERT OR IGNORE INTO consuming (queue, lease) VALUES (:queue, :lease);

-- name: stop_consuming
DELETE FROM consuming WHERE queue = :queue AND lease = :lease;

-- name: consumed_by
SELECT queue FROM consuming WHERE lease = :lease;

-- ---- results -------------------------------------------------------------------------------

-- name: get_result
SELECT value FROM result WHERE key = :key AND (expires IS NULL OR expires > :now);

-- name: get_results
SELECT key, value FROM result
WHERE key IN (SELECT value FROM json_each(:keys)) AND (expires IS NULL OR expires > :now);

-- name: put_result
INSERT INTO result (key, value, expires) VALUES (:key, :value, :expires)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires = excluded.expires;

-- name: drop_result
DELETE FROM result WHERE key = :key;

-- name: drop_stale_result
DELETE FROM result WHERE key = :key AND expires <= :now;

-- name: add_to_counter
INSERT INTO result (key, value, expires) VALUES (:key, :by, NULL)
ON CONFLICT (key) DO UPDATE SET value = CAST(value AS INTEGER) + :by;

-- name: expire_result
UPDATE result SET expires = :expires WHERE key = :key;

-- name: purge_results
DELETE FROM result
WHERE key IN (SELECT key FROM result WHERE expires <= :now LIMIT :limit);
