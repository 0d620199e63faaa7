// A link that `lite login` printed has the code behind `#`, which no server and no log sees: it is posted from here.
const code = location.hash.slice(1);
if (code) {
  history.replaceState(null, "", location.pathname);
  document.getElementById("code").value = code;
  document.getElementById("code").form.submit();
}
