CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT a.id FROM plain a JOIN plain b ON a.id = b.id AND EXISTS (SELECT 1 FROM plain);
