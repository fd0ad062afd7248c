CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT id FROM plain QUALIFY ROW_NUMBER() OVER (PARTITION BY k ORDER BY v) = 1;
