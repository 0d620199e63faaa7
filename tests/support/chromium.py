"""Chromium uses a WordPress as its administrator does. What it is to do comes as JSON on stdin; what it saw is JSON on stdout."""
import json
import pathlib
import random
import struct
import sys
import zlib

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

WAIT = 300
# So that the picture has 4 MiB.
SIDE = 1200


def png(side):
    """A picture that no compression makes smaller."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + random.randbytes(3 * side) for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


def browser(todo):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in ("headless=new", "no-sandbox", f"user-data-dir={todo['folder']}/profile",
                 f"host-resolver-rules=MAP {todo['domain']} {todo['address']}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    driver.set_page_load_timeout(WAIT)
    return driver


def requests(driver):
    """The URL of each request, and whether Chromium holds it for mixed content."""
    messages = (json.loads(entry["message"])["message"] for entry in driver.get_log("performance"))
    for message in messages:
        if message["method"] == "Network.requestWillBeSent":
            request = message["params"]["request"]
            yield request["url"], request.get("mixedContentType", "none")


def use(driver, todo):
    site, find = f"https://{todo['domain']}", lambda css: driver.find_element(By.CSS_SELECTOR, css)
    wait = lambda done: WebDriverWait(driver, WAIT).until(lambda _: done())
    loaded = "const i = document.querySelector(arguments[0]); return i && i.complete && i.naturalWidth"
    seen = {}
    driver.get(f"{site}/")
    seen["home"] = [driver.current_url, driver.title]
    driver.get(f"{site}/wp-login.php")
    find("#user_login").send_keys(todo["user"])
    find("#user_pass").send_keys(todo["password"])
    find("#wp-submit").click()
    wait(lambda: driver.current_url == f"{site}/wp-admin/" and find("h1").text)
    seen["dashboard"] = find("h1").text
    seen["cookies"] = sorted([c["name"], c["secure"]] for c in driver.get_cookies())
    picture = pathlib.Path(todo["folder"]) / "noise.png"
    picture.write_bytes(png(SIDE))
    driver.get(f"{site}/wp-admin/media-new.php?browser-uploader")
    find("#async-upload").send_keys(str(picture))
    find("#html-upload").click()
    wait(lambda: driver.current_url.startswith(f"{site}/wp-admin/upload.php"))
    driver.get(f"{site}/wp-admin/upload.php?mode=list")
    wait(lambda: driver.execute_script(loaded, ".media-icon img"))
    find("td.column-title a").click()
    wait(lambda: driver.execute_script(loaded, ".wp_attachment_image img"))
    driver.get(find("#attachment_url").get_attribute("value"))
    seen["picture"] = [driver.current_url, driver.execute_script(loaded, "img")]
    # Nobody else is in this world, such as those who keep portraits of users: what is said of them does not count.
    severe = (entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE")
    seen["console"] = [message for message in severe if message.startswith(site) or not message.startswith("https://")]
    all = list(requests(driver))
    seen["insecure"] = sorted({url for url, _ in all if url.split(":")[0] not in ("https", "data", "blob", "about", "chrome")})
    seen["mixed"] = sorted({url for url, mixed in all if mixed != "none"})
    return seen


todo = json.load(sys.stdin)
driver = browser(todo)
try:
    json.dump(use(driver, todo), sys.stdout)
finally:
    driver.quit()
