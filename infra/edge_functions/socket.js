import cf from 'cloudfront';

// Viewer request of /socket.io/ and /ws: long polling goes to the HTTP API, a handshake to the
// WebSocket API, which has no paths behind its stage.
// The header Upgrade is not shown to functions; its key tells a handshake from a plain request.
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/edge-function-restrictions-all.html
// https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/helper-functions-origin-modification.html

var HTTP_API = 'http-api';

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
  request.headers['switchboard-client-address'] = { value: event.viewer.ip };
  if (engine && transport && transport.value === 'polling') {
    cf.selectRequestOriginById(HTTP_API);
    request.uri = '/socket.io/';
    return request;
  }
  if (engine && !(transport && transport.value === 'websocket')) {
    return refuse({ code: 0, message: 'Transport unknown' });
  }
  if (!request.headers['sec-websocket-key']) {
    return engine
      ? refuse({ code: 3, message: 'Bad request' })
      : refuse({ error: { message: 'A WebSocket handshake is expected here' } });
  }
  request.uri = '/';
  return request;
}
