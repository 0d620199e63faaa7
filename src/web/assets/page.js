// Times are the browser's own; their titles stay UTC.
const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
function localise() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) time.textContent = format.format(at);
  }
}
localise();
document.addEventListener("htmx:after:swap", localise);
// Who is no longer logged in is led to the log-in; a stream that never began is begun again with the page.
document.addEventListener("over", () => location.reload());
document.addEventListener("htmx:sse:error", ({ detail }) => detail.status === 401 && location.reload());
document.addEventListener("htmx:response:error", ({ detail }) => detail.ctx.response.raw.status === 401 && location.reload());
