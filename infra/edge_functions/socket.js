// Viewer request of /socket.io/ and /ws: what only a handshake may reach.
// API Gateway has no paths behind its stage, so all of them become one.
// The header Upgrade is not shown to functions; its key tells a handshake from a plain request.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html

function refuse(body) {
  return {
    statusCode: 400,
    statusDescription: 'Bad Request',
    headers: { 'content-type': { value: 'application/json; charset=utf-8' } },
    body: JSON.stringify(body),
  };
}

function handler(event) {
  var request = event.request;
  var engine = request.uri.indexOf('/socket.io') === 0;
  var transport = request.querystring.transport;
  if (engine && !(transport && transport.value === 'websocket')) {
    return refuse({ code: 0, message: 'Transport unknown' });
  }
  if (!request.headers['sec-websocket-key']) {
    return engine
      ? refuse({ code: 3, message: 'Bad request' })
      : refuse({ error: { message: 'A WebSocket handshake is expected here' } });
  }
  request.uri = '/';
  request.headers['switchboard-client-address'] = { value: event.viewer.ip };
  return request;
}
