CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT id, SUM(v) OVER w FROM plain WINDOW w AS (PARTITION BY k ORDER BY ts);
