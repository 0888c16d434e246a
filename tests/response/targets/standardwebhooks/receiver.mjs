// A receiver on the JavaScript library of Standard Webhooks: 204 for what verifies, 401 for what does not.
// Argument: the secret. It prints its port, and then the body of each message that verified.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const webhook = new Webhook(process.argv[2]);

const server = createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    try {
      const told = webhook.verify(Buffer.concat(chunks).toString("utf8"), request.headers);
      console.log(JSON.stringify({ id: request.headers["webhook-id"], told }));
      response.writeHead(204).end();
    } catch {
      response.writeHead(401).end();
    }
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
