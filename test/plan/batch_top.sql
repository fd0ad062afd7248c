CREATE TABLE lake.db.events (id INT, k STRING, v INT, dt STRING) PARTITIONED BY (dt) WITH ('format-version'='2');
SET 'execution.runtime-mode' = 'batch';
SELECT k, SUM(v) AS s FROM lake.db.events WHERE dt = '2024-01-01' AND v + 1 > 3 GROUP BY k ORDER BY s DESC NULLS LAST, k LIMIT 5;
