// Both functions of seed/ in plain JavaScript, with the AWS SDK as the only dependency.
import { randomBytes } from 'node:crypto';
import { DynamoDBClient, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';

const client = new DynamoDBClient({});
const TableName = process.env.SITE_TABLE;

const day = (ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

export async function track(event) {
  const { url, utm_source: source } = JSON.parse(event.body);
  await client.send(new UpdateItemCommand({
    TableName,
    Key: { day: { S: day(0) }, url: { S: url } },
    UpdateExpression: `ADD #views :one${source ? `, views_${source} :one` : ''}`,
    ExpressionAttributeNames: { '#views': 'views' },
    ExpressionAttributeValues: { ':one': { N: '1' } },
    ReturnValues: 'ALL_NEW',
  }));
  return {
    statusCode: 204,
    headers: {
      'Access-Control-Allow-Origin': 'https://example.com',
      'Access-Control-Allow-Methods': 'POST, OPTIONS',
    },
  };
}

async function rowsOf(day) {
  const { Items } = await client.send(new QueryCommand({
    TableName,
    KeyConditionExpression: '#day = :day',
    ExpressionAttributeNames: { '#day': 'day' },
    ExpressionAttributeValues: { ':day': { S: day } },
  }));
  const number = (value) => Number(value?.N ?? 0);
  return Items.map((item) => ({
    day,
    url: item.url.S,
    views: number(item.views),
    slack: number(item.views_slack),
    twitter: number(item.views_twitter),
  }));
}

const total = (rows, counter) => rows.reduce((sum, row) => sum + row[counter], 0);

const escaped = (text) =>
  text.replace(/[&<>"]/g, (it) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[it]);

const tile = (heading, value) => `<div class="level-item has-text-centered"><div>
<p class="heading">${heading}</p><p class="title">${value}</p></div></div>`;

function chart(days) {
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
    data: { values: days.map(([day, rows]) => ({ day, views: total(rows, 'views') })) },
    mark: { type: 'bar' },
    width: 'container',
    height: 300,
    encoding: {
      x: { field: 'day', type: 'nominal', axis: { labelAngle: -45 } },
      y: { field: 'views', type: 'quantitative' },
    },
  };
  const id = `chart-${randomBytes(16).toString('hex')}`;
  return `<div id="${id}" style="width:100%;height:300px"></div>
<script>vegaEmbed('#${id}', ${JSON.stringify(spec)});</script>`;
}

function urls(rows) {
  const urls = new Map();
  for (const { url, views, slack, twitter } of rows) {
    const sum = urls.get(url) ?? { views: 0, slack: 0, twitter: 0 };
    sum.views += views;
    sum.slack += slack;
    sum.twitter += twitter;
    urls.set(url, sum);
  }
  const sorted = [...urls].sort(([, a], [, b]) => b.views - a.views);
  const cell = (value) => `<td style="width:20px">${value}</td>`;
  return sorted.map(([url, { views, slack, twitter }], rank) =>
    `<tr><th style="width:20px">${rank + 1}</th><td><a href="${escaped(url)}">${escaped(url)}</a></td>` +
    `${cell(views)}${cell(slack)}${cell(twitter)}</tr>`).join('');
}

export async function dashboard() {
  const names = Array.from({ length: 7 }, (_, index) => day(6 - index));
  const days = (await Promise.all(names.map(rowsOf))).map((rows, index) => [names[index], rows]);
  const rows = days.flatMap(([, rows]) => rows);
  const body = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="https://cdn.jsdelivr.net/npm/bulma@0.9.3/css/bulma.min.css">
<link rel="stylesheet" href="https://cdn.jsdelivr.net/npm/@fortawesome/fontawesome-free@5.15.4/css/all.min.css">
<script src="https://cdn.jsdelivr.net/npm/vega@5.21.0"></script>
<script src="https://cdn.jsdelivr.net/npm/vega-lite@5.2.0"></script>
<script src="https://cdn.jsdelivr.net/npm/vega-embed@6.20.2"></script>
<title>Site analytics</title>
</head>
<body>
<section class="hero is-link block">
<div class="hero-body has-text-centered">
<p class="title"><span class="icon"><i class="fas fa-chart-pie"></i></span> Site analytics</p>
<p class="subtitle">last 7 days</p>
</div>
</section>
<div class="container is-max-desktop">
<div class="box"><nav class="level is-mobile">
${tile('Total views', total(rows, 'views'))}
${tile('Views from Slack', total(rows, 'slack'))}
${tile('Views from Twitter', total(rows, 'twitter'))}
</nav>${chart(days)}</div>
<div class="box"><h1 class="title is-3">Top URLs</h1>
<table class="table is-fullwidth is-hoverable is-striped">
<thead><tr><th>Rank</th><th>URL</th><th>Views</th><th>Slack</th><th>Twitter</th></tr></thead>
<tbody>${urls(rows)}</tbody></table></div></div></body></html>`;
  return { statusCode: 200, headers: { 'Content-Type': 'text/html' }, body };
}
