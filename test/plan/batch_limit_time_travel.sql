CREATE TABLE lake.db.events (id INT, k STRING, v INT, dt STRING) PARTITIONED BY (dt) WITH ('format-version'='2');
SET 'execution.runtime-mode' = 'batch';
SELECT v FROM lake.db.events /*+ OPTIONS('branch'='b') */ FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-01 00:00:00' LIMIT 3 OFFSET 2;
