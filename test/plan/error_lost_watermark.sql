CREATE TABLE clicks (id INT, page STRING, user_id BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='clicks', 'format'='json');
SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE (SELECT ts + INTERVAL '1' SECOND AS t2, ts FROM clicks), DESCRIPTOR(t2), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end;
