CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT k FROM plain WHERE v IN (SELECT id FROM plain WHERE k = 'a') AND k NOT IN (SELECT k FROM plain) AND EXISTS (SELECT 1 FROM plain p WHERE p.id = plain.id AND p.v > 3);
