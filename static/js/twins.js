// A slider beside its number: both show the same value, the number is what the form sends. Without script only the number is there.
for (const slider of document.querySelectorAll("[data-twin]")) {
  const number = document.getElementById(slider.dataset.twin);
  slider.hidden = false;
  slider.addEventListener("input", () => {
    number.value = slider.step === "1" ? slider.value : Math.round(slider.value * 10) / 10;
  });
  number.addEventListener("input", () => {
    slider.value = number.value;
  });
}
