CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
CREATE VIEW v AS SELECT id, page AS p, ts AS et FROM clicks WHERE id > 1;
SELECT p, COUNT(*) AS c FROM TABLE(SESSION(TABLE v PARTITION BY p, DESCRIPTOR(et), INTERVAL '10' SECOND)) GROUP BY p, window_start, window_end;
