CREATE TABLE orders (id INT, tags ARRAY<STRING>, items ARRAY<ROW<sku STRING, qty INT>>, note STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector'='kafka', 'topic'='orders', 'format'='json');
SELECT window_start, i.sku, SUM(i.qty) AS qty FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts), INTERVAL '1' MINUTE)) AS o CROSS JOIN UNNEST(o.items) AS i (sku, qty)
  LEFT JOIN UNNEST(o.tags) WITH ORDINALITY AS t (tag, place) ON TRUE WHERE o.id > 3 AND i.qty > 0 AND t.place = 1 GROUP BY window_start, window_end, i.sku;
