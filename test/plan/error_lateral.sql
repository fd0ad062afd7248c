CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
SELECT p.id, s.n FROM plain AS p, LATERAL (SELECT COUNT(*) AS n FROM plain AS q WHERE q.k = p.k) AS s;
