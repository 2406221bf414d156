// Keeps a slider and the number beside it equal. The form sends the number; without script there is no slider.
for (const slider of document.querySelectorAll("[data-slider-of]")) {
  const number = document.getElementById(slider.dataset.sliderOf);
  slider.hidden = false;
  slider.addEventListener("input", () => {
    number.value = slider.step === "1" ? slider.value : Math.round(slider.value * 10) / 10;
  });
  number.addEventListener("input", () => {
    slider.value = number.value;
  });
}
