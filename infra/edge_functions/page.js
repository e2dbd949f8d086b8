// Viewer request of the pages: / is index.html, /console is console.html.

function handler(event) {
  var request = event.request;
  var name = request.uri.replace(/\/+$/, '') || '/index';
  request.uri = name.slice(name.lastIndexOf('/')).indexOf('.') < 0 ? name + '.html' : name;
  return request;
}
